"""Everything beside the line dies or falls silent in an open position: nothing happens to it.

A session with memory, advisors, chat and collector, all of them used and then gone, is compared
with the same session without any: orders, fills and account event by event. The services are on
this machine, each behind a plug that is pulled, or leads nowhere from then on.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from mytrader.bootstrap import Outcome, Parts
from mytrader.domain import commands, events
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.journal.reader import JournalReader
from mytrader.settings import Settings
from mytrader.signals.scripted import Proposal, Scripted, quiet
from tests.all_services import AllServices, all_services
from tests.command_line import CommandLine, mytrader
from tests.memory_samples import everything_told
from tests.sessions import AtMinute, Session, Wire, a_plan, play

pytestmark = pytest.mark.slow
__all__ = ["mytrader"]

BEGIN: Final = datetime(2025, 12, 11, 15, tzinfo=UTC)
BASE: Final = 27_600


def at(minute: int) -> datetime:
    """A minute of the session."""
    return BEGIN + timedelta(minutes=minute)


FIRST, SECOND, DEATH, EXIT, LATER = 1, 8, 10, 12, 18
"""Minutes: a trade with everything alive; one in which it dies; its exit; a last proposal."""

STOPPED, AT_TARGET = BASE - 30, BASE + 30


def market(exit_price: int) -> list[Bar]:
    """Quiet, but for the target of the first trade and the exit of the second."""
    bars = quiet(BEGIN, LATER + 4)
    for minute, price in ((FIRST + 3, AT_TARGET), (EXIT, exit_price)):
        low, high = min(BASE, price), max(BASE, price)
        bars[minute] = Bar(at(minute), BASE, high, low, BASE, 500)
    return bars


def proposing(*minutes: int) -> Callable[[Instrument], Scripted]:
    """Return a strategy that proposes a long trade in each of these minutes."""
    proposals = [Proposal(at(minute)) for minute in minutes]
    return lambda instrument: Scripted(instrument, proposals)


def session(
    folder: Path, settings: Settings, *minutes: int, exit_price: int = AT_TARGET
) -> Session:
    """Return a session with a proposal in each of these minutes."""
    folder.mkdir()
    before = quiet(BEGIN - timedelta(minutes=60), 60)
    parts = Parts(strategy=proposing(*minutes))
    return Session(a_plan(folder, settings=settings), before, market(exit_price), parts)


CYCLE_ID: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
OF_ORDERS: Final = (
    events.OrdersNumbered,
    events.OrderWritten,
    events.OrderNotWritten,
    events.OrderReported,
    events.StatusReported,
    events.ErrorReported,
    events.ExecutionReported,
    events.CommissionReported,
    events.PositionReported,
    commands.PlaceBracket,
    commands.PlaceExit,
    commands.PlaceEmergencyStop,
    commands.ChangeOrder,
    commands.CancelOrder,
)


def story(journal: Path) -> list[Any]:
    """What a record says of orders, fills and positions, without what only time can tell apart."""
    names: dict[str, str] = {}
    with JournalReader(journal) as reader:
        said = [item for record in reader.read() for item in (record.event, *record.commands)]
    return [
        _plain(msgspec.to_builtins(item), names) for item in said if isinstance(item, OF_ORDERS)
    ]


def _plain(value: Any, names: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {
            key: _plain(inner, names)
            for key, inner in value.items()
            if key not in ("at", "perm_id", "why")
        }
    if isinstance(value, list | tuple):
        return [_plain(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    return CYCLE_ID.sub(lambda found: names.setdefault(found[0], f"trade {len(names) + 1}"), value)


def sent(wire: Wire) -> list[Any]:
    """The order messages as they came, without what only time can tell apart."""
    names: dict[str, str] = {}
    return [_plain(msgspec.to_builtins(message), names) for message in wire.orders]


@pytest.fixture
def services() -> Iterator[AllServices]:
    """Everything, on this machine."""
    with all_services() as served:
        yield served


def die(services: AllServices, how: str) -> None:
    """Let all of it die, or fall silent."""
    assert services.index.documents, "the first trade was remembered"
    # These two have threads of their own, and virtual time waits for nobody.
    services.collector.wait_for(spans=1)
    assert services.chat.wait_for(1), "people were told"
    assert all(services.passed.values()), services.passed
    if how == "silent":
        services.hang()
        # Writing to an index has half a minute, which virtual time would have to wait out.
        services.plugs["index"].pull()
    else:
        services.pull()


@pytest.mark.parametrize("exit_price", [STOPPED, AT_TARGET], ids=["stop", "target"])
@pytest.mark.parametrize("how", ["dead", "silent"])
def test_nothing_changes_for_the_position_and_later_entries_are_blocked(
    tmp_path: Path, services: AllServices, mytrader: CommandLine, how: str, exit_price: int
) -> None:
    alone = session(tmp_path / "alone", Settings(), FIRST, SECOND, exit_price=exit_price)
    bare, bare_wire = play(alone)
    assert [cycle.exit_reason for cycle in bare.book.closed] == [
        "target",
        "stop" if exit_price == STOPPED else "target",
    ]

    whole = session(
        tmp_path / "whole", services.settings(), FIRST, SECOND, LATER, exit_price=exit_price
    )
    death = AtMinute(at(DEATH), lambda: die(services, how))
    outcome, wire = play(replace(whole, observers=(death,)))

    assert sent(wire) == sent(bare_wire)
    assert story(whole.plan.journal) == story(alone.plan.journal)
    assert results(outcome) == results(bare)
    assert (outcome.mode, outcome.mode_why) == (bare.mode, bare.mode_why)

    *_, last = mytrader("cycles", "--journal", whole.plan.journal, "--json").json
    assert (last["phase"], last["reason_codes"], last["orders"]) == ("REFUSED", ["AWS_WAIT"], [])
    failures = {each["advisor"]: each["failure"] for each in last["advice"]}
    word = {"dead": "unreachable", "silent": "timeout"}[how]
    assert failures["bedrock-decision"] == failures["bedrock-risk"] == word
    assert {call["outcome"] for call in last["calls"]} == {word}
    assert failures["memory"] is not None


@pytest.mark.parametrize(
    ("name", "blocks"),
    [("bedrock", True), ("index", True), ("chat", False), ("collector", False)],
)
def test_of_one_that_dies_alone_only_advice_and_memory_block_an_entry(
    tmp_path: Path, services: AllServices, mytrader: CommandLine, name: str, blocks: bool
) -> None:
    """Advice may only subtract permission; who merely watches gives none and takes none."""
    whole = session(tmp_path / "whole", services.settings(), FIRST, LATER)
    death = AtMinute(at(DEATH), services.plugs[name].pull)
    play(replace(whole, observers=(death,)))
    first, last = mytrader("cycles", "--journal", whole.plan.journal, "--json").json
    assert first["phase"] == "CLOSED"
    assert (last["reason_codes"], bool(last["orders"])) == (
        ["AWS_WAIT"] if blocks else [],
        not blocks,
    )


def results(outcome: Outcome) -> list[Any]:
    """What the trades and the account came to."""
    trades = [
        (cycle.exit_reason, cycle.quantity, cycle.gross_ticks, cycle.commission_usd)
        for cycle in outcome.book.closed
    ]
    return [*trades, outcome.cash_change_usd, outcome.position_open]


def test_a_start_with_everything_dead_takes_over_an_open_trade_and_leaves_it(
    tmp_path: Path, services: AllServices, mytrader: CommandLine
) -> None:
    """The process dies with the trade open, and so does everything beside it."""
    alone = session(tmp_path / "alone", Settings(), FIRST, SECOND)
    bare, bare_wire = play(replace(alone, dies=at(DEATH)))
    assert [cycle.exit_reason for cycle in bare.book.closed] == ["target"]

    whole = session(tmp_path / "whole", services.settings(), FIRST, SECOND, LATER)
    death = AtMinute(at(DEATH), lambda: die(services, "dead"))
    outcome, wire = play(replace(whole, dies=at(DEATH), observers=(death,)))
    assert sent(wire) == sent(bare_wire)
    assert results(outcome) == results(bare)
    *_, last = mytrader("cycles", "--journal", whole.plan.journal, "--json").json
    assert (last["phase"], last["reason_codes"]) == ("REFUSED", ["AWS_WAIT"])


def test_a_start_with_nothing_that_can_be_opened_takes_over_an_open_trade_too(
    tmp_path: Path, mytrader: CommandLine
) -> None:
    """A folder is gone: what is asked for cannot even be opened, and one line says so."""
    first = session(tmp_path / "x", Settings(), FIRST, SECOND, LATER)
    gone = Settings.model_validate({"rag": {"path": str(tmp_path / "gone" / "x.memory")}})
    with everything_told() as told:
        outcome, _ = play(replace(first, dies=at(DEATH), again=replace(first.plan, settings=gone)))
    lines = [line["text"] for line in told if line["event"] == "STARTED_WITHOUT"]
    assert len(lines) == 1
    assert "a trade is open, so the trader starts without memory" in lines[0]
    assert [cycle.exit_reason for cycle in outcome.book.closed] == ["target"]
    *_, last = mytrader("cycles", "--journal", first.plan.journal, "--json").json
    assert (last["phase"], last["reason_codes"]) == ("REFUSED", ["AWS_WAIT"])
    assert json.dumps(last["advice"]).count("not opened") > 0
