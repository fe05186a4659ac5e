"""Sessions of the real trader before a Bedrock on this machine: what advice does to an entry.

Each test is one session: a calm market, one proposal, one way for the service to answer. The
embedded advisors have no objection, so that Bedrock's word decides. What happened is read as a
person would read it, with `mytrader cycles --json`. Everything is asked twice, of an agent (a
stream of events) and of a model (one JSON object).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Struct

from mytrader.bootstrap import Parts
from mytrader.domain.instrument import Instrument
from mytrader.service_settings import AwsAgentsSettings
from mytrader.settings import Settings
from mytrader.signals.scripted import Proposal, Scripted, quiet
from mytrader.simulator.bedrock_script import GO, WAIT, Deed, Script, Step
from mytrader.simulator.bedrock_server import BedrockServer
from tests.command_line import CommandLine, mytrader
from tests.sessions import Session, Wire, a_plan, play

pytestmark = pytest.mark.slow
__all__ = ["mytrader"]

BEGIN: Final = datetime(2025, 12, 11, 15, tzinfo=UTC)
PATIENT: Final = timedelta(seconds=2)
"""The default: whoever answers at all does so in time, on a busy machine too."""

SHORT: Final = timedelta(milliseconds=300)
"""For silence, which costs in virtual time what it costs."""

ADVISORY: Final = {**WAIT, "advisory_only": True, "confidence": 0.4}
"""As sure of waiting as to leave the final confidence above the least that is traded with."""

PRICES: Final = {"price_in_usd_per_mtok": 3, "price_out_usd_per_mtok": 15}


class Kind(StrEnum):
    """What a role is asked of."""

    AGENT = "agent"
    MODEL = "model"


class Seen(Struct, frozen=True):
    """One session as the command line and the gateway saw it."""

    cycle: dict[str, Any]
    wire: Wire

    @property
    def entered(self) -> bool:
        """Whether the entry and its stop went out; then it also filled."""
        orders = [order["role"] for order in self.cycle["orders"]]
        sent = bool(self.wire.orders)
        assert sent == bool(orders) == bool(self.cycle["fills"])
        assert orders in ([], ["E", "S"])
        return sent

    @property
    def codes(self) -> list[str]:
        """Reason codes: what refused the entry, or let it pass in spite of something."""
        codes: list[str] = self.cycle["reason_codes"]
        return codes

    def verdict(self, code: str) -> dict[str, Any]:
        """The verdict with a code."""
        (found,) = (each for each in self.cycle["verdicts"] if each["code"] == code)
        return dict(found)

    def advice(self, advisor: str) -> dict[str, Any]:
        """The opinion of one advisor."""
        (found,) = (each for each in self.cycle["advice"] if each["advisor"] == advisor)
        return dict(found)

    @property
    def outcomes(self) -> list[str]:
        """How the calls to Bedrock ended."""
        return [call["outcome"] for call in self.cycle["calls"]]


class Stage:
    """Plays sessions and reads their records with the command line."""

    def __init__(self, folder: Path, command: CommandLine) -> None:
        self._folder = folder
        self._command = command

    def play(
        self,
        step: Step | Deed | list[Step],
        *,
        role: str = "decision",
        kind: Kind = Kind.AGENT,
        confidence: float = 0.9,
        **changes: Any,  # noqa: ANN401 - any setting of the advisors
    ) -> Seen:
        """Propose once, before a Bedrock that does `step` to every request of the role."""
        steps = [Step(do=step)] if isinstance(step, Deed) else step
        with BedrockServer(Script(steps if isinstance(steps, list) else [steps])) as server:
            settings = bedrock(server.url, role=role, kind=kind, **changes)
            plan = a_plan(self._folder, settings=settings)
            before = quiet(BEGIN - timedelta(minutes=60), 60)
            parts = Parts(strategy=proposing(confidence))
            outcome, wire = play(Session(plan, before, quiet(BEGIN, 3), parts))
        assert outcome.mode == "NORMAL", outcome.mode_why
        (cycle,) = self._command("cycles", "--journal", plan.journal, "--json").json
        return Seen(cycle, wire)


def bedrock(url: str, *, role: str, kind: Kind, **changes: Any) -> Settings:  # noqa: ANN401 - any setting
    """One role asked of Bedrock, once; the other is the embedded advisor's alone."""
    ids: dict[Kind, dict[str, Any]] = {
        Kind.AGENT: {f"{role}_agent_id": "AGENTID001", f"{role}_agent_alias_id": "ALIASID001"},
        Kind.MODEL: {f"{role}_model_id": "anthropic.claude-sample-v1:0", **PRICES},
    }
    fields = {"timeout": PATIENT, "attempts_max": 1, **ids[kind], **changes}
    agents = AwsAgentsSettings(enabled=True, region="us-east-1", endpoint_url=url, **fields)
    return Settings(aws_agents=agents)


def proposing(confidence: float) -> Callable[[Instrument], Scripted]:
    """Return the strategy: one trade, when the session's second minute closes."""
    proposal = Proposal(BEGIN + timedelta(minutes=1), confidence)
    return lambda instrument: Scripted(instrument, [proposal])


@pytest.fixture
def stage(tmp_path: Path, mytrader: CommandLine) -> Stage:
    """A stage in an empty folder."""
    return Stage(tmp_path, mytrader)


every_kind = pytest.mark.parametrize("kind", list(Kind))


@every_kind
def test_go_lets_an_entry_pass(stage: Stage, kind: Kind) -> None:
    seen = stage.play(Step(), kind=kind)
    assert seen.entered
    assert (seen.cycle["phase"], seen.codes) == ("OPEN", [])
    assert seen.verdict("AWS_GO")["approved"]
    told = seen.advice("bedrock-decision")
    assert (told["decision"], told["confidence"], told["failure"]) == ("GO", 0.8, None)
    assert {each["decision"] for each in seen.cycle["advice"]} == {"GO"}
    (call,) = seen.cycle["calls"]
    assert (call["outcome"], call["attempt"]) == ("answered", 1)
    assert call["target"].startswith(kind)
    # An agent tells no tokens, so nobody knows what it cost; a model's price is known.
    assert call["cost_usd"] == (None if kind is Kind.AGENT else "0.0036")


@every_kind
def test_go_adds_nothing_to_the_confidence(stage: Stage, kind: Kind) -> None:
    """An advisor that is surer than the signal gives no permission that the signal lacks."""
    seen = stage.play(Step(reply={**GO, "confidence": 1.0}), kind=kind, confidence=0.55)
    assert not seen.entered
    assert seen.codes == ["LOW_CONFIDENCE"]
    assert seen.cycle["confidence"] == 0.55


@every_kind
def test_a_wait_that_binds_blocks_the_surest_signal(stage: Stage, kind: Kind) -> None:
    seen = stage.play(Deed.WAIT, kind=kind, confidence=1.0)
    assert not seen.entered
    assert seen.cycle["phase"] == "REFUSED"
    assert "AWS_WAIT" in seen.codes
    told = seen.advice("bedrock-decision")
    assert (told["decision"], told["advisory_only"], told["failure"]) == ("WAIT", False, None)
    assert "bedrock-decision" in seen.verdict("AWS_WAIT")["detail"]
    assert seen.outcomes == ["answered"]


@every_kind
@pytest.mark.parametrize("confidence", [0.65, 0.75])
def test_an_advisory_wait_blocks_at_075_and_below(
    stage: Stage, kind: Kind, confidence: float
) -> None:
    seen = stage.play(Step(reply=ADVISORY), kind=kind, confidence=confidence)
    assert not seen.entered
    assert (seen.cycle["phase"], seen.codes) == ("REFUSED", ["AWS_WAIT"])
    assert seen.advice("bedrock-decision")["advisory_only"]


@every_kind
def test_an_advisory_wait_yields_to_a_signal_above_075(stage: Stage, kind: Kind) -> None:
    seen = stage.play(Step(reply=ADVISORY), kind=kind, confidence=0.76)
    assert seen.entered
    assert (seen.cycle["phase"], seen.codes) == ("OPEN", ["AWS_WAIT_OVERRIDE"])
    assert seen.cycle["alert_codes"] == ["AWS_WAIT_OVERRIDE"]
    assert seen.verdict("AWS_WAIT_OVERRIDE")["approved"]


@every_kind
def test_an_override_is_no_way_around_the_final_confidence(stage: Stage, kind: Kind) -> None:
    """The WAIT is overridden, but an advisor so sure of it leaves too little confidence."""
    seen = stage.play(Step(reply={**ADVISORY, "confidence": 0.9}), kind=kind, confidence=0.76)
    assert not seen.entered
    assert "LOW_CONFIDENCE" in seen.codes


@every_kind
def test_the_risk_advisors_wait_binds_whatever_it_calls_itself(stage: Stage, kind: Kind) -> None:
    seen = stage.play(Step(reply=ADVISORY), role="risk", kind=kind, confidence=1.0)
    assert not seen.entered
    assert seen.codes == ["AWS_WAIT"]
    assert seen.advice("bedrock-risk")["decision"] == "WAIT"


class Failure(Struct, frozen=True):
    """What the service does, and the words that stand for it in the record.

    `outcome` is the call's; `failure` is how the opinion's begins.
    """

    deed: Deed
    outcome: str
    failure: str


FAILURES: Final = (
    Failure(Deed.HANG, "timeout", "timeout"),
    Failure(Deed.THROTTLE, "throttled", "throttled"),
    Failure(Deed.ERROR, "server_error", "server_error"),
    Failure(Deed.CUT, "cut_stream", "cut_stream"),
    Failure(Deed.SHAPE, "unreadable", "unreadable"),
    Failure(Deed.PROSE, "unreadable", "unreadable"),
    Failure(Deed.BIGGER, "unreadable", "unreadable: size_multiplier"),
    Failure(Deed.ANOTHER_STOP, "unreadable", "unreadable"),
)


@every_kind
@pytest.mark.parametrize("role", ["decision", "risk"])
@pytest.mark.parametrize("case", FAILURES, ids=lambda case: str(case.deed))
def test_a_failure_blocks_the_surest_signal(
    stage: Stage, kind: Kind, role: str, case: Failure
) -> None:
    """No answer, a broken one and one that asks for what advice may not: a WAIT that binds."""
    timeout = SHORT if case.deed is Deed.HANG else PATIENT
    seen = stage.play(case.deed, role=role, kind=kind, confidence=1.0, timeout=timeout)
    assert not seen.entered
    assert (seen.cycle["phase"], seen.codes) == ("REFUSED", ["AWS_WAIT"])
    told = seen.advice(f"bedrock-{role}")
    assert (told["decision"], told["advisory_only"]) == ("WAIT", False)
    assert told["failure"].startswith(case.failure), told["failure"]
    assert told["size_multiplier"] == 1.0
    assert seen.outcomes == [case.outcome]
    assert f"bedrock-{role}" in seen.verdict("AWS_WAIT")["detail"]
    # What it wanted instead is nowhere: the proposal is the strategy's.
    assert (seen.cycle["quantity"], seen.cycle["signal"]["stop"]) == (1, "6896.00")


@pytest.mark.parametrize(
    ("deed", "outcome"), [(Deed.CUT_FRAME, "cut_stream"), (Deed.CHECKSUM, "bad_checksum")]
)
def test_a_stream_that_could_be_read_and_is_not_whole_blocks(
    stage: Stage, deed: Deed, outcome: str
) -> None:
    """The GO is there in full; the frame behind it, or its checksum, is not."""
    seen = stage.play(deed, confidence=1.0)
    assert not seen.entered
    assert seen.codes == ["AWS_WAIT"]
    assert seen.outcomes == [outcome]
    assert seen.advice("bedrock-decision")["failure"] == outcome


@every_kind
def test_silence_costs_no_more_than_the_deadline(stage: Stage, kind: Kind) -> None:
    seen = stage.play(Deed.HANG, kind=kind, timeout=SHORT)
    assert 200 < seen.advice("bedrock-decision")["latency_ms"] <= 300
    waited = datetime.fromisoformat(seen.cycle["closed_at"]) - datetime.fromisoformat(
        seen.cycle["proposed_at"]
    )
    assert waited < timedelta(milliseconds=400)


@every_kind
def test_what_is_over_in_a_moment_is_asked_once_more(stage: Stage, kind: Kind) -> None:
    """Both calls are in the record; the answer of the second one counts."""
    steps = [Step(do=Deed.THROTTLE, times=1), Step()]
    seen = stage.play(steps, kind=kind, attempts_max=2)
    assert seen.entered
    assert seen.codes == []
    assert seen.outcomes == ["throttled", "answered"]
    assert [call["attempt"] for call in seen.cycle["calls"]] == [1, 2]
