"""A session before a Bedrock on this machine: a proposal for each thing that advice can do.

Real are the trader, the clients of the broker and of AWS, every byte between them and the
record; the broker and Bedrock are the simulated ones. What is told at the end is read from the
record, as `mytrader cycles --json` reads it, and held against what is promised.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader import runs
from mytrader.bootstrap import Parts, Plan
from mytrader.domain.decision import Advice, AdvisorRole, Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.execution.live_trading_manager import Observer
from mytrader.journal.reader import JournalReader
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.replay.cycle_view import view_in
from mytrader.service_settings import AwsAgentsSettings
from mytrader.settings import Settings
from mytrader.signals.features import Features
from mytrader.signals.scripted import NAME, Proposal, Scripted, quiet
from mytrader.simulator.bar_files import BarFile
from mytrader.simulator.bedrock_script import GO, WAIT, Deed, Script, Step
from mytrader.simulator.bedrock_server import BedrockServer

BEGIN: Final = datetime(2025, 12, 11, 15, tzinfo=UTC)
HISTORY_MINUTES: Final = 60
APART: Final = timedelta(minutes=8)
"""Between two proposals: longer than the cooldown after an entry, and than any cache."""

PRICE_TICKS: Final = 27_600
RISE_TICKS: Final = 16
"""How far the market runs after each proposal: beyond the target of one that was entered."""

WAIT_BLOCKS: Final = "AWS_WAIT"
OVERRIDDEN: Final = "AWS_WAIT_OVERRIDE"
ADVISORY: Final = {**WAIT, "advisory_only": True, "confidence": 0.4}
"""As sure of waiting as to leave the final confidence above the least that is traded with."""

View = dict[str, Any]


class Kind(StrEnum):
    """What Bedrock is asked for."""

    AGENT = "agent"
    MODEL = "model"


class Case(Struct, frozen=True):
    """One proposal: what Bedrock does with the question, and the reason code that must follow.

    `code` is "" where nothing may stand in the way. `confidence` is the signal's. The advisor of
    the other role answers GO.
    """

    told: str
    steps: tuple[Step, ...]
    code: str = WAIT_BLOCKS
    confidence: float = 1.0
    role: AdvisorRole = AdvisorRole.DECISION

    @property
    def enters(self) -> bool:
        """Whether the entry has to go out."""
        return self.code in ("", OVERRIDDEN)


def _deed(told: str, deed: Deed) -> Case:
    return Case(told, (Step(do=deed),))


CASES: Final = (
    Case("GO", (Step(reply=GO),), code="", confidence=0.9),
    Case("throttled, then GO", (Step(do=Deed.THROTTLE, times=1), Step(reply=GO)), code=""),
    Case("GO, surer than we", (Step(reply=GO),), code="LOW_CONFIDENCE", confidence=0.55),
    Case("WAIT that binds", (Step(do=Deed.WAIT),)),
    Case("WAIT, advisory", (Step(reply=ADVISORY),), confidence=0.65),
    Case("WAIT, advisory", (Step(reply=ADVISORY),), confidence=0.75),
    Case("WAIT, advisory", (Step(reply=ADVISORY),), code=OVERRIDDEN, confidence=0.76),
    Case("risk: WAIT, advisory", (Step(reply=ADVISORY),), role=AdvisorRole.RISK),
    _deed("silence", Deed.HANG),
    _deed("throttling", Deed.THROTTLE),
    _deed("status 500", Deed.ERROR),
    _deed("a cut answer", Deed.CUT),
    _deed("a damaged answer", Deed.CHECKSUM),
    _deed("another JSON", Deed.SHAPE),
    _deed("prose", Deed.PROSE),
    _deed("GO, triple size", Deed.BIGGER),
    _deed("GO, another stop", Deed.ANOTHER_STOP),
)


MINUTES: Final = len(CASES) * (APART // timedelta(minutes=1))


class Seen(Struct, frozen=True):
    """What the record says of one case; `view` is its cycle in `mytrader cycles --json`."""

    case: Case
    view: View

    @property
    def heard(self) -> str:
        """What Bedrock was taken to say: the decision and whether it binds, or the failure."""
        name = f"bedrock-{self.case.role}"
        said = next((each for each in self.view["advice"] if each["advisor"] == name), None)
        if said is None:
            return "nothing"
        if said["failure"] is not None:
            return str(said["failure"])
        if said["decision"] == Advice.GO:
            return "GO"
        binds = self.case.role is AdvisorRole.RISK or not said["advisory_only"]
        return "WAIT, binding" if binds else "WAIT, advisory"

    @property
    def codes(self) -> list[str]:
        """The reason codes of the decision."""
        return list(self.view["reason_codes"])

    @property
    def entered(self) -> bool:
        """Whether the entry went out, with its stop, and filled."""
        return [order["role"] for order in self.view["orders"]][:2] == ["E", "S"] and bool(
            self.view["fills"]
        )

    @property
    def as_promised(self) -> bool:
        """Whether code and deed are those that the case demands, at the strategy's own size."""
        wanted = [self.case.code] if self.case.code else []
        untouched = self.view["quantity"] == 1
        return self.codes == wanted and self.entered is self.case.enters and untouched


class Played(Struct, frozen=True):
    """A session that was played."""

    seen: tuple[Seen, ...]
    interrupted: bool


def play(journal: Path, kind: Kind, *, observers: Sequence[Observer] = ()) -> Played:
    """Play every case in one session that is recorded in `journal`; raises `MytraderError`."""
    due = {BEGIN + timedelta(minutes=1) + at * APART: case for at, case in enumerate(CASES)}
    with BedrockServer(Script()) as server:
        settings = _settings(server.url, kind)
        plan = Plan(settings, ("ES",), NAME, journal, seed=1)
        parts = Parts(strategy=lambda instrument: _Cued(instrument, due, server=server))
        day = runs.SimulatedDay(plan.symbols, market(), settings)
        outcome = runs.run_embedded(plan, day, observers=observers, parts=parts)
    return Played(_seen(journal), outcome.interrupted)


def market() -> BarFile:
    """Return bars that go nowhere but up, once after each proposal."""
    session: list[Bar] = []
    for _ in CASES:
        level = PRICE_TICKS if not session else session[-1].close
        at = BEGIN + len(session) * timedelta(minutes=1)
        bars = quiet(at, APART // timedelta(minutes=1), around=level)
        risen = level + RISE_TICKS
        rise = replace(bars[3], high=risen, close=risen)
        session += [*bars[:3], rise, *quiet(bars[4].opened_at, len(bars) - 4, around=risen)]
    before = BEGIN - timedelta(minutes=HISTORY_MINUTES)
    return BarFile(quiet(before, HISTORY_MINUTES, around=PRICE_TICKS), session)


class _Cued:
    """Tells the service what it is to do, then proposes."""

    def __init__(
        self, instrument: Instrument, due: Mapping[datetime, Case], *, server: BedrockServer
    ) -> None:
        proposals = [Proposal(minute, case.confidence) for minute, case in due.items()]
        self._strategy = Scripted(instrument, proposals)
        self._due = due
        self._server = server

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """See `signals.strategy.Strategy`."""
        case = self._due.get(bar.opened_at)
        if case is not None:
            self._server.script = script_of(case)
        return self._strategy.on_bar(bar, features)


def script_of(case: Case) -> Script:
    """Return what the service does with the questions of a case."""
    mine = [
        replace(step, target=target_id(case.role, kind)) for step in case.steps for kind in Kind
    ]
    return Script([*mine, Step(reply=GO)])


def target_id(role: AdvisorRole, kind: Kind) -> str:
    """Return the id of the agent or of the model that a role is played by."""
    return str(role).upper() if kind is Kind.AGENT else f"sample.{role}"


def _settings(url: str, kind: Kind) -> Settings:
    """Return the settings as they are shipped, but for who is asked."""
    ids: dict[str, Any] = {f"{role}_{kind}_id": target_id(role, kind) for role in AdvisorRole}
    if kind is Kind.AGENT:
        ids |= {f"{role}_agent_alias_id": "SAMPLE" for role in AdvisorRole}
    else:
        ids |= {"price_in_usd_per_mtok": 3, "price_out_usd_per_mtok": 15}
    agents = AwsAgentsSettings(enabled=True, region="us-east-1", endpoint_url=url, **ids)
    return Settings(aws_agents=agents)


def _seen(journal: Path) -> tuple[Seen, ...]:
    book = CycleBook()
    with JournalReader(journal) as reader:
        fold(reader.read(), book)
    cycles = sorted([*book.ended.values(), *book.open.values()], key=lambda each: each.proposed_at)
    # Fewer cycles than cases: somebody interrupted.
    return tuple(
        Seen(case, view_in(book, cycle)) for case, cycle in zip(CASES, cycles, strict=False)
    )
