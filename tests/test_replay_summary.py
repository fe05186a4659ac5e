"""The end of a run: readable at 80 columns, equal for equal runs, loud when money is missing."""

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from mytrader.domain.cycle import ExitReason, Phase
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.trader import Mode
from mytrader.replay.cycle_book import CycleBook
from mytrader.replay.summary import TRADES_SHOWN_MAX, Summary, print_summary, summary_view
from tests.domain_samples import NOON, a_cycle
from tests.test_replay_cycle_book import ended, won


def summary(book: CycleBook, **changes: Any) -> Summary:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "book": book,
        "mode": Mode.NORMAL,
        "mode_why": "",
        "position_open": 0,
        "started_at": NOON,
        "ended_at": NOON + timedelta(hours=23),
        "cash_change_usd": book.net_usd,
        "started_flat": True,
        "interrupted": False,
        "journal": "runs/run-0001.journal",
        "head_hash": "0" * 64,
        "wall": timedelta(seconds=10),
        **changes,
    }
    return Summary(**fields)


def printed(shown: Summary, *, width: int = 80, terminal: bool = False) -> str:
    screen = io.StringIO()
    print_summary(shown, Console(file=screen, width=width, force_terminal=terminal))
    return screen.getvalue()


def many(count: int) -> CycleBook:
    cycles = [
        replace(won(), cycle_id=str(i), exit_reason=ExitReason.SESSION_END, closed_at=NOON)
        for i in range(count)
    ]
    return ended(*cycles)


@pytest.mark.parametrize("width", [80, 120])
def test_every_trade_is_one_line(width: int) -> None:
    out = printed(summary(many(3)), width=width)
    trades = [text for text in out.splitlines() if "session end" in text]
    assert len(trades) == 3
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    assert ("gross $" in out) == (width == 120), "wide enough for more"


def test_a_file_gets_no_colours_and_a_terminal_does() -> None:
    assert "\x1b" not in printed(summary(many(1)))
    assert "\x1b" in printed(summary(many(1)), terminal=True)


def test_time_is_told_to_people_and_never_to_programs() -> None:
    slow, quick = (summary(many(1), wall=timedelta(seconds=s)) for s in (100, 10))
    assert "2.3 h each second" in printed(quick)
    assert "0.23 h each second" in printed(slow)
    assert summary_view(slow) == summary_view(quick)


def test_an_account_that_disagrees_cannot_be_missed() -> None:
    wrong = summary(many(1), cash_change_usd=Decimal("-1187.50"))
    assert wrong.account_agrees is False
    out = printed(wrong)
    assert "THE ACCOUNT DISAGREES" in out
    assert "-$1,187.50" in out
    assert out.index("THE ACCOUNT DISAGREES") > out.index("emergency stops"), "the last word"
    assert "mytrader cycles --journal runs/run-0001.journal" in " ".join(out.split())
    assert summary_view(wrong)["account_agrees"] is False


@pytest.mark.parametrize(
    "changes", [{"cash_change_usd": None}, {"position_open": 1}, {"started_flat": False}]
)
def test_an_account_that_cannot_be_compared_is_not_said_to_agree(changes: dict[str, Any]) -> None:
    shown = summary(many(1), **changes)
    assert shown.account_agrees is None
    assert "account" not in printed(shown).lower()


def call(outcome: str, cost_usd: str | None) -> AdvisorCall:
    cost = None if cost_usd is None else Decimal(cost_usd)
    reserved = Decimal("0.05")
    return AdvisorCall(
        "bedrock-risk", "agent/A/B", 1, outcome, 9.0, cost_usd=cost, reserved_usd=reserved
    )


def test_what_advice_took_is_said_where_somebody_outside_was_asked() -> None:
    book = many(1)
    assert "advisor calls" not in printed(summary(book))
    assert summary_view(summary(book))["advisor_calls"] == {}
    book.calls = {
        "a": [call("answered", "0.0036"), call("throttled", "0")],
        "b": [call("answered", "0.0036"), call("timeout", None)],
    }
    # What nobody told counts at the worst, as in the day's budget.
    assert "4: answered 2, throttled 1, timeout 1; $0.06 at most" in printed(summary(book))
    view = summary_view(summary(book))
    assert view["advisor_calls"] == {"answered": 2, "throttled": 1, "timeout": 1}
    assert view["advisor_cost_usd_max"] == "0.06"


def test_an_open_position_and_an_interruption_are_said() -> None:
    out = printed(summary(many(1), position_open=-2, interrupted=True))
    assert "-2 contracts are open" in out
    assert "interrupted; what rests at the broker was left there" in out


def test_refused_and_aborted_entries_are_counted_by_reason() -> None:
    refused = replace(a_cycle(), cycle_id="r", phase=Phase.REFUSED, reason_codes=("MODE",))
    aborted = replace(a_cycle(), cycle_id="a", phase=Phase.ABORTED)
    shown = summary(ended(refused, aborted, alerts=("BRACKET_TOO_CLOSE",)))
    view = summary_view(shown)
    assert (view["refused"], view["refusals"]) == (1, {"MODE": 1})
    assert (view["aborted"], view["abort_reasons"]) == (1, {"BRACKET_TOO_CLOSE": 1})
    assert [cycle["alert_codes"] for cycle in view["cycles"]] == [[], ["BRACKET_TOO_CLOSE"]]
    out = printed(shown)
    assert "MODE" in out
    assert "BRACKET_TOO_CLOSE" in out


def test_every_line_leads_to_a_trace() -> None:
    """The shortest beginning of an id that names one cycle, of the latest for each reason."""
    ids = [f"01KC7FXR55{each}W6HXQ74WAM7TF6D" for each in "ABCD"]
    traded = replace(won(), cycle_id=ids[0])
    refused = [
        replace(a_cycle(), cycle_id=ids[i], phase=Phase.REFUSED, reason_codes=("MODE",))
        for i in (1, 2)
    ]
    aborted = replace(a_cycle(), cycle_id=ids[3], phase=Phase.ABORTED)
    out = printed(summary(ended(traded, *refused, aborted))).splitlines()
    for word, cycle_id in (("BUY 1", ids[0]), ("MODE", ids[2]), ("NOT_FILLED", ids[3])):
        (line,) = (each for each in out if word in each and "01KC" in each)
        assert f"{cycle_id[:11]} " in line


def test_what_is_open_is_shown() -> None:
    book = ended(won())
    cycle = replace(a_cycle(), cycle_id="01KC7FXR550W6HXQ74WAM7TF6D", phase=Phase.HALTED)
    book.open = {cycle.cycle_id: cycle}
    out = printed(summary(book))
    (line,) = (each for each in out.splitlines() if "HALTED" in each)
    assert "01KC7FXR55 " in line


def test_a_long_day_shows_its_latest_trades_and_says_how_many_there_were_before() -> None:
    out = printed(summary(many(TRADES_SHOWN_MAX + 2)))
    assert out.count("session end") == TRADES_SHOWN_MAX
    assert "2 earlier trades" in out


def test_names_are_shown_as_they_are() -> None:
    """Brackets in a file's name are no markup."""
    shown = summary(many(1), journal="runs/[red]x.journal", mode_why="[a] reason")
    out = printed(shown)
    assert "runs/[red]x.journal" in out
    assert "[a] reason" in out
