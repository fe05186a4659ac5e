"""The thread beside the trader: never in its way, and whatever fails in it ends in the log."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter

import pytest
from structlog.testing import capture_logs

from mytrader.alerts import messenger
from mytrader.alerts.message import Message
from mytrader.alerts.messages import Teller
from mytrader.alerts.messenger import Alerts, Ending
from mytrader.alerts.outbox import Accepted, Batch, Outbox, Outcome, Rejected
from mytrader.alerts.wording import without_tags
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.events import AnyEvent, Halted, QuoteSeen, TimeReached, TraderStarted
from mytrader.domain.limits import Limits
from mytrader.domain.market import Quote
from mytrader.domain.trader import TraderState
from mytrader.errors import BrokerFault, OurFault
from mytrader.runtime import monotonic_seconds

NOON = datetime(2025, 11, 12, 18, tzinfo=UTC)
STATE = TraderState(limits=Limits())
PAGE = RaiseAlert(AlertLevel.PAGE, "EXIT_STUCK", "an exit hangs")
QUOTE = QuoteSeen(1, Quote(NOON, 1, 2, 1))


class FakePost:
    """Answers as it is told, then accepts; `hang` never answers until it is cancelled."""

    def __init__(self, *outcomes: Outcome | Exception, hang: bool = False) -> None:
        self.outcomes = list(outcomes)
        self.hang = hang
        self.texts: list[str] = []
        self.threads: set[str] = set()
        self.closed = False

    async def send(self, batch: Batch) -> Outcome:
        """Answer the next."""
        self.threads.add(threading.current_thread().name)
        if self.hang:
            await asyncio.Event().wait()
        outcome = self.outcomes.pop(0) if self.outcomes else Accepted()
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, Accepted):
            self.texts.append(without_tags(batch.text))
        return outcome

    async def close(self) -> None:
        """Note it."""
        self.closed = True


class BrokenTeller(Teller):
    """Cannot word one event, as a bug of ours might have it."""

    def seen(
        self, at: datetime, event: AnyEvent, *, asked: Sequence[AnyCommand], state: TraderState
    ) -> list[Message]:
        """Fail for what halts."""
        if isinstance(event, Halted):
            raise ZeroDivisionError("secret 12345")
        return super().seen(at, event, asked=asked, state=state)


def opened(post: FakePost, *, teller: Teller | None = None, most: int = 100) -> Alerts:
    """An observer with its thread running."""
    return Alerts(
        teller or Teller(), Outbox(most), post, now=lambda: NOON, elapsed_s=monotonic_seconds
    )


def test_what_is_seen_is_told_by_another_thread() -> None:
    post = FakePost()
    alerts = opened(post)
    alerts.seen(TraderStarted(STATE.limits), [], STATE)
    alerts.seen(TimeReached(), [PAGE], STATE)
    ending = alerts.close(5)
    assert ending.complete
    assert "🔴 EXIT_STUCK" in "\n".join(post.texts)
    assert "TRADER_ENDED" in post.texts[-1]
    assert post.threads == {"alerts"}
    assert post.closed
    assert ending.counts.latency.worst_s < 5
    assert alerts.close(5) == ending, "closing twice is closing once"


def test_a_note_is_told_as_well_and_after_the_end_no_more() -> None:
    post = FakePost()
    alerts = opened(post, teller=Teller(mark="PAPER"))
    alerts.note(RaiseAlert(AlertLevel.WARNING, "STARTED_WITHOUT", "a port is taken"))
    alerts.close(5)
    alerts.note(PAGE)
    assert "🟠 PAPER STARTED_WITHOUT" in "\n".join(post.texts)
    assert "EXIT_STUCK" not in "\n".join(post.texts)


def test_a_note_that_cannot_be_worded_is_told_by_its_code() -> None:
    class Broken(Teller):
        def noted(self, at: datetime, note: RaiseAlert) -> list[Message]:
            raise ZeroDivisionError(at, note)

    post = FakePost()
    alerts = opened(post, teller=Broken(mark="PAPER"))
    alerts.note(PAGE)
    with capture_logs():
        alerts.close(5)
    assert any(text.startswith("🔴 PAPER EXIT_STUCK") for text in post.texts)


def test_seeing_waits_for_nothing_even_if_nobody_answers() -> None:
    """A thousand events while the API hangs: handed over at once, and counted at the end."""
    alerts = opened(FakePost(hang=True), most=10)
    began = perf_counter()
    for number in range(1000):
        command = RaiseAlert(AlertLevel.PAGE, "EXIT_STUCK", f"exit {number}")
        alerts.seen(TimeReached(), [command], STATE)
    took = perf_counter() - began
    assert took < 0.2
    with capture_logs() as logged:
        ending = alerts.close(0)
    assert not ending.complete
    assert logged[-1]["event"] == "ALERTS_NOT_SENT"
    assert logged[-1]["log_level"] == "warning"


def test_quotes_that_led_to_nothing_are_not_handed_over() -> None:
    alerts = opened(FakePost())
    for _ in range(100):
        alerts.seen(QUOTE, [], STATE)
    assert alerts._records.qsize() == 0
    alerts.close(5)


def test_after_the_end_nothing_is_taken() -> None:
    alerts = opened(FakePost())
    alerts.close(5)
    alerts.seen(TimeReached(), [PAGE], STATE)
    assert alerts._records.qsize() == 0


def test_an_event_that_cannot_be_worded_costs_only_itself_and_its_pages_are_told() -> None:
    post = FakePost()
    with capture_logs() as logged:
        alerts = opened(post, teller=BrokenTeller())
        alerts.seen(Halted("x"), [PAGE], STATE)
        alerts.seen(TimeReached(), [RaiseAlert(AlertLevel.PAGE, "FOREIGN_FILL", "y")], STATE)
        ending = alerts.close(5)
    text = "\n".join(post.texts)
    assert "EXIT_STUCK" in text
    assert "FOREIGN_FILL" in text
    assert (ending.lost_events, ending.complete) == (1, False)
    (failed,) = [each for each in logged if each["event"] == "ALERTS_FAILED"]
    assert failed["text"] == "ZeroDivisionError in the alerts' thread"
    assert "12345" not in str(logged)


def test_a_thread_that_fails_again_and_again_gives_up() -> None:
    alerts = opened(FakePost(), teller=BrokenTeller())
    with capture_logs():
        for _ in range(2 * messenger.FAILURES_MAX):
            alerts.seen(Halted("x"), [], STATE)
        ending = alerts.close(5)
    assert ending.lost_events == messenger.FAILURES_MAX
    assert not alerts._thread.is_alive()


@pytest.mark.slow
def test_a_post_that_raises_is_tried_again() -> None:
    post = FakePost(ZeroDivisionError("in the library"))
    with capture_logs() as logged:
        alerts = opened(post)
        alerts.seen(TimeReached(), [PAGE], STATE)
        ending = alerts.close(5)
    assert ending.complete
    assert "ZeroDivisionError while sending; tried again" in str(logged)
    assert "in the library" not in str(logged)


def test_what_the_api_rejects_for_good_is_logged_once_and_ends_it() -> None:
    post = FakePost(*[Rejected("the token is not valid", final=True)] * 9)
    with capture_logs() as logged:
        alerts = opened(post)
        alerts.seen(TimeReached(), [PAGE], STATE)
        ending = alerts.close(5)
    assert str(logged).count("the token is not valid") == 1
    assert ending.why == "the token is not valid"
    assert [message.code for message in ending.unsent][:1] == ["EXIT_STUCK"]


def test_as_a_context_it_tells_how_the_block_ended() -> None:
    post = FakePost()
    with opened(post):
        pass
    assert "TRADER_ENDED" in post.texts[-1]
    failure = OurFault("a bug")
    with pytest.raises(OurFault) as raised, opened(post):
        raise failure
    assert raised.value is failure
    assert "TRADER_FAILED" in "\n".join(post.texts)


def test_a_stuck_thread_does_not_fill_the_memory() -> None:
    """Beyond a bound events are counted, not kept."""
    alerts = opened(FakePost())
    alerts.close(5)
    alerts._closed = False
    for _ in range(messenger.RECORDS_MAX + 7):
        alerts.seen(TimeReached(), [], STATE)
    assert alerts._records.qsize() == messenger.RECORDS_MAX
    assert alerts.ending().lost_events == 7


def test_a_page_is_told_while_something_quiet_hangs() -> None:
    """Each level has a line of its own."""

    class HangsForInfo(FakePost):
        async def send(self, batch: Batch) -> Outcome:
            self.hang = batch.level is AlertLevel.INFO
            return await super().send(batch)

    post = HangsForInfo()
    alerts = opened(post)
    alerts.seen(TraderStarted(STATE.limits), [], STATE)
    alerts.seen(TimeReached(), [PAGE], STATE)
    with capture_logs():
        ending = alerts.close(0.1, BrokerFault("gone"))
    assert any("EXIT_STUCK" in text for text in post.texts)
    assert {message.level for message in ending.unsent} == {AlertLevel.INFO}


def test_an_ending_is_complete_when_nothing_is_left() -> None:
    counts = Outbox(1).counts()
    assert Ending(counts, (), 0, "").complete
    assert not Ending(counts, (), 1, "").complete
