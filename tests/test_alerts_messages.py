"""What people are told of what the real kernel does, and what never leaves the machine."""

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.alerts import remedies
from mytrader.alerts.message import Kind
from mytrader.alerts.messages import REPEATS_EVERY, Wanted, bare_page
from mytrader.alerts.wording import without_tags
from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, RaiseAlert
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.limits import Limits
from mytrader.domain.memory import Recall, SimilarTrade
from mytrader.errors import BrokerFault, OurFault
from mytrader.simulator.telegram_server import TOKEN
from tests.playbook import (
    CYCLE,
    ENTRY,
    LIMITS,
    LINK_BACK,
    LINK_LOST,
    NOON,
    SESSION,
    Advised,
    Answered,
    Elapsed,
    EntrySubmitted,
    Erred,
    Filled,
    Quoted,
    Stated,
    StopWorking,
    Written,
    asked,
    proposed,
)
from tests.told import Watched

EXECUTION = Path(__file__).resolve().parents[1] / "mytrader" / "execution"
OTHER = f"{CYCLE[:-1]}1"


def alert(watched: Watched, level: AlertLevel, code: str, *, text: str = "a text") -> None:
    """The kernel raises an alert of its own."""
    state = watched.script.state
    command = RaiseAlert(level, code, text)
    watched._keep(
        watched.teller.seen(watched.script.now, events.TimeReached(), asked=[command], state=state)
    )


# What no event speaks of, and the world that is spoken of


def test_every_message_begins_with_its_world() -> None:
    """A rehearsal must not be taken for the thing itself, nor the thing for a rehearsal."""
    watched = Watched(name="paper ES", mark="SIMULATION").opened()
    watched.sees(Filled("S1", price=27_178), Stated("S1", "Filled", filled=1), Answered())
    alert(watched, AlertLevel.PAGE, "EXIT_STUCK")
    watched.ends()
    assert {"ENTRY", "EXIT", "EXIT_STUCK", "DAY", "TRADER_ENDED"} <= set(watched.codes)
    for message in watched.told:
        mark, world, code = without_tags(message.html).split()[:3]
        assert (mark in "⚪🟠🔴", world, code) == (True, "SIMULATION", message.code)
    page = bare_page(NOON, "EXIT_STUCK", "SHADOW")
    assert without_tags(page.html).startswith("🔴 SHADOW EXIT_STUCK · ")


def test_what_no_event_speaks_of_is_told_with_its_remedy() -> None:
    watched = Watched(Wanted(muted=frozenset({Kind.LINK})), mark="PAPER", secrets=["geheim"])
    missing = RaiseAlert(AlertLevel.WARNING, "STARTED_WITHOUT", "port 9 of geheim is taken")
    (told,) = watched.teller.noted(NOON, missing)
    first, second, third = without_tags(told.html).splitlines()
    assert first.startswith("🟠 PAPER STARTED_WITHOUT · ")
    assert second == "port 9 of [hidden] is taken"
    assert "mytrader status" in third
    away = RaiseAlert(AlertLevel.WARNING, "LINK_AWAY", "for 10 min")
    assert watched.teller.noted(NOON, away) == [], "muted with the other words about the link"
    (paged,) = watched.teller.noted(NOON, replace(away, level=AlertLevel.PAGE))
    assert (paged.code, paged.kind) == ("LINK_AWAY", Kind.LINK)


# A trade


def test_an_entry_is_told_when_its_stop_works() -> None:
    watched = Watched(name="paper ES").opened()
    assert watched.codes == ["TRADER_STARTED", "ENTRY"]
    entry = watched.told[-1]
    assert (entry.level, entry.kind, entry.cycle_id) == (AlertLevel.INFO, Kind.ENTRY, CYCLE)
    assert watched.text("ENTRY").splitlines()[:3] == [
        "⚪ ENTRY BUY 1 ES at 6,802.00 · 12:00:00 CT · paper ES",
        "stop 6,795.00 works, at risk $350.00, target 6,810.00",
        "ema-cross, confidence 0.80",
    ]
    assert watched.text("ENTRY").endswith(f"cycle {CYCLE}")


def test_an_exit_tells_prices_reason_time_and_net() -> None:
    watched = Watched().opened().sees(Elapsed(90), Filled("S1", price=27_178))
    watched.sees(Stated("S1", "Filled", filled=1), Answered())
    assert watched.codes[-1] == "EXIT"
    assert watched.text("EXIT").splitlines() == [
        "⚪ EXIT ES -$379.80 net · 12:01:30 CT",
        "BUY 1 at 6,802.00 → 6,794.50, by stop, held 1 min 30 s",
        "gross -$375.00, commission $4.80",
        f"cycle {CYCLE}",
    ]


def test_a_trade_is_told_once_however_often_it_is_seen() -> None:
    """A step within a step shows the same finished cycle to the observers twice."""
    watched = Watched().opened().sees(Filled("S1"), Answered())
    finished = watched.script.last
    again = replace(watched.script.state, finished=finished)
    assert watched.teller.seen(NOON, events.TimeReached(), asked=[], state=again) == []
    assert watched.codes.count("EXIT") == watched.codes.count("ENTRY") == 1


def test_an_entry_that_becomes_larger_is_told_again() -> None:
    watched = Watched(
        limits=replace(LIMITS, quantity_per_entry=2, loss_usd_trade_max=Decimal(9000))
    )
    watched.started().sees(proposed(), Advised(), EntrySubmitted())
    watched.sees(Filled("E1"), StopWorking("S1"))
    assert watched.codes.count("ENTRY") == 1
    watched.sees(Filled("E2"), StopWorking("S2"))
    assert watched.codes.count("ENTRY") == 2
    assert "BUY 2 ES" in watched.text("ENTRY")


def test_an_entry_that_does_not_fill_is_told() -> None:
    watched = Watched().started().sees(proposed(), Advised(), EntrySubmitted(), Elapsed(11))
    watched.sees(Stated("E1", "Cancelled"), Stated("S1", "Cancelled"), Answered(), Answered())
    assert watched.codes[-1] == "ENTRY_NOT_FILLED"
    assert "nothing of it has filled" in watched.text("ENTRY_NOT_FILLED")


def test_what_a_process_found_open_is_not_told_as_new() -> None:
    watched = Watched().opened()
    state = watched.script.state
    later = Watched()
    later.script = replace(later.script, state=state)
    later.started().sees(Quoted(ENTRY))
    assert later.codes == ["TRADER_STARTED"]
    assert later.told[0].level is AlertLevel.WARNING
    assert "open: BUY 1 ES at 6,802.00, stop 6,795.00 works" in later.text("TRADER_STARTED")


def test_an_entry_says_what_advisors_and_memory_said() -> None:
    lesson = SimilarTrade(
        "a", 0.1, Decimal(-900), -1.0, "no <b>longs</b> at https://x.example", True
    )
    watched = Watched().started().sees(proposed())
    opinion = Opinion("risk", AdvisorRole.RISK, Advice.GO, "calm & wide\u202e", confidence=0.9)
    recall = Recall((lesson,), 0.9, trades=12, wins=7)
    watched.sees(events.AdviceGiven(CYCLE, (opinion,), recall))
    watched.sees(EntrySubmitted(), Filled("E1"), StopWorking())
    html = watched.told[-1].html
    assert "<code>risk</code> <code>GO</code> <code>calm &amp; wide</code>" in html
    assert "12 trades like it, 7 won <code>no &lt;b&gt;longs" in html


def test_a_price_that_equals_a_limit_is_shown() -> None:
    """What is ours is not looked through: only what others wrote could hold a limit."""
    limits = replace(LIMITS, drawdown_usd_max=Decimal(6802))
    assert "BUY 1 ES at 6,802.00" in Watched(limits=limits).opened().text("ENTRY")


# Refusals


def test_a_refusal_says_the_rule_and_not_its_limit() -> None:
    limits = replace(LIMITS, loss_usd_trade_max=Decimal("123.45"))
    watched = Watched(limits=limits).sees(proposed(), Advised())
    assert watched.codes == ["MAX_LOSS_PER_TRADE"]
    assert watched.told[0].kind is Kind.REFUSAL
    assert "entry refused: the trade could lose more than a trade may" in watched.text(
        "MAX_LOSS_PER_TRADE"
    )
    assert "123" not in watched.told[0].html


def test_a_wait_says_who_and_why() -> None:
    watched = Watched().sees(proposed(), Advised(Advice.WAIT))
    assert "an advisor said WAIT" in watched.text("AWS_WAIT")
    assert "risk WAIT a test" in watched.text("AWS_WAIT")


def test_a_chatty_strategy_cannot_flood() -> None:
    """One message a rule, then one for all of them each quarter of an hour."""
    watched = Watched()
    for number in range(30):
        cycle_id = f"{CYCLE[:-2]}{number // 10}{number % 10}"
        watched.sees(Elapsed(60), Quoted(ENTRY), proposed(cycle_id=cycle_id))
        said = (Opinion("risk", AdvisorRole.RISK, Advice.WAIT, "no"),)
        watched.sees(events.AdviceGiven(cycle_id, said))
    refused = [each for each in watched.told if each.kind is Kind.REFUSAL]
    assert len(refused) <= 4, [each.code for each in refused]
    digest = watched.text("REFUSALS")
    assert "more entries refused" in digest
    watched.ends()
    summary = watched.text("DAY")
    assert "30 entries refused" in summary


# Trouble


def test_a_second_emergency_stop_in_a_day_pages_and_says_that_nothing_is_opened() -> None:
    """DESIGN.md section 6; the same through the real client is in tests/scenarios."""
    watched = Watched().started().sees(proposed(), Advised(), EntrySubmitted())
    watched.sees(Filled("E1", ENTRY), Erred("S1", 201), Answered())
    assert watched.codes[-1] == "EMERGENCY_STOP_PLACED"
    assert "emergency stop 1 of this day; mode NORMAL" in watched.text("EMERGENCY_STOP_PLACED")
    watched.sees(Written("M1"), Erred("M1", 201), Answered())
    pages = [each.code for each in watched.told if each.level is AlertLevel.PAGE]
    assert pages == ["EMERGENCY_STOP_PLACED", "EMERGENCY_STOP_PLACED", "MODE_REDUCE_ONLY"]
    second = watched.text("EMERGENCY_STOP_PLACED")
    assert "emergency stop 2 of this day; mode REDUCE_ONLY" in second
    mode = watched.text("MODE_REDUCE_ONLY")
    assert mode.startswith("🔴 MODE_REDUCE_ONLY")
    assert "more than one emergency stop today" in mode
    assert "mytrader resume --code CODE" in mode


def test_an_emergency_stop_says_where_it_is_in_points() -> None:
    watched = Watched().started().sees(proposed(), Advised(), EntrySubmitted(), Filled("E1"))
    watched.sees(Stated("S1", "Cancelled"), Answered())
    assert "stop 6,795.00 not confirmed yet, at risk $350.00" in watched.text(
        "EMERGENCY_STOP_PLACED"
    )


def test_a_halt_tells_what_to_do() -> None:
    watched = Watched().sees(asked(events.Request.HALT))
    assert watched.codes == ["MODE_HALT"]
    assert "asked by a person" in watched.text("MODE_HALT")
    assert "mytrader flatten" in watched.text("MODE_HALT")


def test_a_loop_that_halted_itself_is_a_page() -> None:
    watched = Watched().sees(events.Halted("InvariantBroken while handling X"))
    assert "HALTED" in watched.codes
    assert all(each.level is AlertLevel.PAGE for each in watched.told)


def test_a_page_without_a_remedy_of_its_own_has_one() -> None:
    watched = Watched()
    alert(watched, AlertLevel.PAGE, "NEW_CODE", text="a new thing")
    assert "TWS" in watched.text("NEW_CODE")
    assert "TWS" in without_tags(bare_page(NOON, "NEW_CODE").html)


def test_pages_are_never_held_back_and_the_rest_is_when_it_repeats() -> None:
    watched = Watched()
    for number in range(5):
        alert(watched, AlertLevel.PAGE, "FOREIGN_FILL", text=f"fill {number}")
        alert(watched, AlertLevel.WARNING, "BOOK_UNKNOWN", text="no end marker")
        alert(watched, AlertLevel.INFO, "BROKER_399", text=f"note {number}")
    assert watched.codes.count("FOREIGN_FILL") == 5
    assert watched.codes.count("BOOK_UNKNOWN") == watched.codes.count("BROKER_399") == 1
    watched.sees(Elapsed(REPEATS_EVERY.total_seconds()))
    repeated = watched.text("REPEATED")
    assert "BOOK_UNKNOWN 4" in repeated
    assert "BROKER_399 4" in repeated


def test_a_brokers_error_text_does_no_harm() -> None:
    watched = Watched().opened()
    evil = "</code><b>/flatten\u202e U1234567 https://evil.example"
    alert(watched, AlertLevel.INFO, "BROKER_201", text=evil)
    html = watched.told[-1].html
    assert "&lt;/code&gt;&lt;b&gt;/flatten [hidden] https://evil.example</code>" in html


# The link and the advisors


def test_a_lost_link_and_its_return() -> None:
    watched = Watched().sees(LINK_LOST, Elapsed(75), LINK_BACK)
    assert watched.codes == ["LINK_DOWN", "LINK_UP"]
    assert watched.told[0].level is AlertLevel.WARNING
    assert "after 1 min 15 s" in watched.text("LINK_UP")


def test_a_lost_link_with_a_trade_open_is_a_page() -> None:
    watched = Watched().opened().sees(LINK_LOST)
    assert (watched.codes[-1], watched.told[-1].level) == ("LINK_DOWN", AlertLevel.PAGE)


def test_the_first_connection_is_no_return() -> None:
    watched = Watched().started().sees(LINK_BACK)
    assert watched.codes == ["TRADER_STARTED"]


def test_an_advisor_that_is_silent_is_told_once_and_when_it_is_back() -> None:
    watched = Watched()
    for number, failure in enumerate(("timeout", "error: X", None, None)):
        cycle_id = f"{CYCLE[:-1]}{number}"
        said = (Opinion("bedrock", AdvisorRole.RISK, Advice.WAIT, "", failure=failure),)
        watched.sees(Elapsed(60), proposed(cycle_id=cycle_id), events.AdviceGiven(cycle_id, said))
    told = [each for each in watched.told if each.kind is Kind.ADVICE]
    assert [each.code for each in told] == ["ADVISOR_SILENT", "ADVISOR_BACK"]
    assert told[0].level is AlertLevel.WARNING
    assert "bedrock timeout" in watched.text("ADVISOR_SILENT")
    assert "bedrock after 2 min, 2 questions unanswered" in watched.text("ADVISOR_BACK")


def test_a_panel_that_never_answered_is_told() -> None:
    """The kernel's own deadline ends the wait; no event brings that."""
    watched = Watched().sees(proposed(), Elapsed(5))
    assert "panel timeout" in watched.text("ADVISOR_SILENT")
    watched.sees(proposed(cycle_id=OTHER), Advised())
    assert "ADVISOR_BACK" in watched.codes


# The day


def test_the_day_is_told_once_when_its_session_ends() -> None:
    watched = Watched().opened().sees(Filled("S1"), Answered())
    left = (SESSION[1] - watched.script.now).total_seconds()
    watched.sees(Elapsed(left - 1))
    assert "DAY" not in watched.codes
    watched.sees(Elapsed(1), Elapsed(600))
    assert watched.codes.count("DAY") == 1
    watched.ends()
    assert watched.codes.count("DAY") == 1, "nothing new to tell"
    assert watched.codes[-1] == "TRADER_ENDED"
    day = watched.text("DAY").splitlines()
    assert day[1:4] == [
        "Wednesday 12 November 2025",
        "1 trade, 0 won, -$604.80 net",
        "gross -$600.00, commission $4.80",
    ]
    assert "largest fall from the day's best $604.80" in day


def test_an_end_before_the_close_tells_the_day_so_far_and_what_is_open() -> None:
    watched = Watched().opened().ends()
    assert watched.codes[-2:] == ["DAY", "TRADER_ENDED"]
    assert watched.told[-1].level is AlertLevel.WARNING
    assert "open: BUY 1 ES" in watched.text("TRADER_ENDED")


def test_a_new_date_is_a_new_day() -> None:
    watched = Watched().sees(LINK_LOST, Elapsed(86_400))
    assert watched.codes.count("DAY") == 1
    assert "1 lost link" in watched.text("DAY")
    watched.ends()
    assert "no alert" in watched.text("DAY")


def test_commissions_that_come_late_are_in_the_day() -> None:
    watched = Watched().started().sees(proposed(), Advised(), EntrySubmitted())
    watched.sees(Filled("E1"), StopWorking(), Filled("S1", paid=False), Elapsed(31), Answered())
    assert "1 fill not reported yet" in watched.text("EXIT")
    (cycle,) = watched.script.last
    exec_id = cycle.fills[-1].exec_id
    watched.sees(events.CommissionReported(exec_id, Decimal("2.40"))).ends()
    assert "commission $4.80" in watched.text("DAY")


def test_a_process_that_began_late_says_what_the_record_has() -> None:
    watched = Watched()
    day = replace(watched.script.state.ledger(NOON), realised_usd=Decimal(125))
    watched.script = replace(watched.script, state=replace(watched.script.state, day=day))
    watched.sees(Quoted(ENTRY)).ends()
    assert "since 12:00:00 CT; the whole date by the record: +$125.00" in watched.text("DAY")


# The end


@pytest.mark.parametrize(
    ("failure", "level"),
    [(OurFault("a bug"), AlertLevel.PAGE), (BrokerFault("gone"), AlertLevel.WARNING)],
)
def test_a_failure_is_told(failure: Exception, level: AlertLevel) -> None:
    watched = Watched().started().ends(failure)
    assert (watched.codes[-1], watched.told[-1].level) == ("TRADER_FAILED", level)
    assert f"{type(failure).__name__}: {failure}" in watched.text("TRADER_FAILED")
    assert "nobody watches any more" in watched.text("TRADER_FAILED")


def test_a_failure_with_a_trade_open_is_always_a_page() -> None:
    watched = Watched().opened().ends(BrokerFault("gone"))
    assert watched.told[-1].level is AlertLevel.PAGE


def test_an_end_before_any_event_is_told() -> None:
    assert Watched().ends().codes == ["TRADER_ENDED"]


# What is wanted


def test_quiet_levels_and_muted_kinds_are_left_out_but_pages_never() -> None:
    watched = Watched(Wanted(AlertLevel.WARNING)).opened().sees(asked(events.Request.HALT))
    assert watched.codes == ["MODE_HALT"]
    watched = Watched(Wanted(muted=frozenset({Kind.ENTRY, Kind.RUN}))).opened()
    assert watched.codes == []
    watched = Watched(Wanted(muted=frozenset(Kind))).opened().sees(LINK_LOST)
    assert watched.codes == ["LINK_DOWN"], "a page, since a trade is open"


# Nothing private


def test_no_message_holds_a_limit_a_token_or_an_account() -> None:
    """Every number of the limits is a canary; so are account and token in every foreign text."""
    limits = Limits(
        loss_usd_trade_max=Decimal("7317.31"),
        loss_usd_daily_max=Decimal("8429.42"),
        drawdown_usd_max=Decimal("9531.53"),
        net_usd_per_point_max=Decimal("6143.64"),
        margin_excess_usd_min=Decimal("5755.75"),
        reconcile_interval=timedelta(days=1),
    )
    canaries = [
        "7317",
        "7,317",
        "8429",
        "8,429",
        "9531",
        "9,531",
        "6143",
        "6,143",
        "5755",
        "5,755",
    ]
    canaries += ["U7654321", "geheim", TOKEN]
    evil = f"U7654321 {TOKEN} geheim limit $7317.31 of $8,429.42, 9531.53, 6143.64 and 5755.75"
    watched = Watched(limits=limits, secrets=["geheim"], name="geheim")
    for level in AlertLevel:
        for code in (*remedies.RULES, *remedies.REMEDIES, "BROKER_201", "NEW"):
            alert(watched, level, code, text=evil)
    said = (Opinion(evil, AdvisorRole.RISK, Advice.WAIT, evil, failure=evil),)
    watched.sees(proposed(), events.AdviceGiven(CYCLE, said))
    watched.sees(events.LinkChanged(up=False, why=evil), events.Halted(evil))
    watched.sees(events.OperatorAsked(events.Request.FLATTEN, evil))
    watched.ends(OurFault(evil))
    assert len(watched.told) > 100
    for message in watched.told:
        shown = f"{message.html} {message.code}"
        assert not [canary for canary in canaries if canary in shown], shown


def test_every_code_of_the_kernel_has_words() -> None:
    """An alert whose code nobody explained is one that nobody acts on."""
    source = "\n".join(path.read_text("utf-8") for path in EXECUTION.glob("*.py"))
    raised = set(re.findall(r'AlertLevel\.(?:PAGE|WARNING), "([A-Z_]+)"', source))
    raised |= set(re.findall(r'AlertLevel\.(?:PAGE|WARNING),\n\s+"([A-Z_]+)"', source))
    assert len(raised) > 15
    assert raised - remedies.REMEDIES.keys() == set()
    refusals = set(re.findall(r'refusal\("([A-Z_]+)"', source))
    assert len(refusals) > 20
    assert refusals - remedies.RULES.keys() - remedies.REMEDIES.keys() == set()
