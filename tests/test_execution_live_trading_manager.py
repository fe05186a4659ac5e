"""The loop's one broad handler: it halts, records, and does not carry on."""

import pytest

from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import Opinion, Signal
from mytrader.domain.events import AnyEvent, Halted, TimeReached, TraderStarted
from mytrader.domain.limits import Limits
from mytrader.domain.trader import Mode, TraderState
from mytrader.errors import JournalFault, OurFault
from mytrader.execution.live_trading_manager import LiveTradingManager
from mytrader.ports import Emit
from tests.fakes.journal import FakeJournal
from tests.manual_runtime import ManualRuntime


class SilentBroker:
    """Takes every command and says nothing."""

    def listen(self, emit: Emit) -> None:
        """See `ports.Broker`."""

    def carry_out(self, command: AnyCommand) -> None:
        """See `ports.Broker`."""


class NobodyAsked:
    """A panel that no test here asks."""

    async def ask(self, con_id: int, signal: Signal) -> tuple[Opinion, ...]:
        """Answer nothing."""
        del con_id, signal
        return ()


class Failing:
    """An observer that fails at the first event."""

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Fail."""
        del event, asked, state
        raise KeyError("a thing\nnobody foresaw")


def manager(journal: FakeJournal) -> LiveTradingManager:
    made = LiveTradingManager(
        TraderState(limits=Limits()),
        broker=SilentBroker(),
        journal=journal,
        runtime=ManualRuntime(),
        panel=NobodyAsked(),
        propose=lambda _, __: None,
    )
    made.handle(TraderStarted(Limits()))
    return made


def test_an_unforeseen_error_is_our_fault_and_halts() -> None:
    journal = FakeJournal()
    loop = manager(journal)
    loop.observe(Failing())
    with pytest.raises(OurFault, match="KeyError while handling TimeReached: ") as raised:
        loop.handle(TimeReached())
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value.__cause__, KeyError)
    assert loop.state.mode is Mode.HALT
    assert isinstance(journal.records[-1].event, Halted)


def test_after_a_failure_nothing_is_handled_any_more() -> None:
    journal = FakeJournal()
    loop = manager(journal)
    loop.observe(Failing())
    with pytest.raises(OurFault):
        loop.handle(TimeReached())
    records = len(journal.records)
    loop.handle(TimeReached())
    assert len(journal.records) == records


def test_a_journal_that_fails_is_named_as_what_it_is() -> None:
    """The event was not recorded, so the state stays as it was before it, but for the halt."""
    journal = FakeJournal()
    loop = manager(journal)
    journal.fail_next()
    with pytest.raises(JournalFault, match="the disk is full"):
        loop.handle(TimeReached())
    assert loop.state.mode is Mode.HALT
    assert isinstance(loop.failure, JournalFault)


def test_a_halt_that_cannot_be_recorded_halts_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    journal = FakeJournal()
    loop = manager(journal)
    journal.close()
    with pytest.raises(JournalFault):
        loop.handle(TimeReached())
    assert loop.state.mode is Mode.HALT
    out, err = capsys.readouterr()
    assert "HALT_NOT_RECORDED" in out + err
