"""A loop for the desk to talk to: the real `step`, and a record of what was asked for."""

from datetime import datetime, timedelta

from mytrader.control.desk import Desk, sign
from mytrader.control.protocol import Answer, Ask, Question
from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent, TraderStarted
from mytrader.domain.trader import TraderState
from mytrader.errors import OurFault
from mytrader.execution.trade_cycle import step
from tests.playbook import LIMITS, NOON, the_start

UPTIME_S = 5000.0


class SteppingLoop:
    """The trader's loop without journal and broker. `breaks` lets the next event fail."""

    def __init__(self, state: TraderState) -> None:
        self.state = state
        self.failure: BaseException | None = None
        self.breaks = False
        self.now_at = NOON
        self.events: list[AnyEvent] = []
        self.asked: list[AnyCommand] = []
        self.observers: list[Desk] = []

    def now(self) -> datetime:
        """The trader's clock."""
        return self.now_at

    def handle(self, event: AnyEvent) -> None:
        """Step, and tell the observers."""
        if self.breaks:
            self.failure = OurFault("something that was thought impossible")
            raise self.failure
        if self.failure is not None:
            return
        self.state, asked = step(self.state, event, self.now_at)
        self.events.append(event)
        self.asked += asked
        for observer in self.observers:
            observer.seen(event, asked, self.state)


class Visit:
    """A desk at a loop, and somebody who asks there."""

    def __init__(self, state: TraderState | None = None, *, started: bool = True) -> None:
        self.loop = SteppingLoop(the_start() if state is None else state)
        self.failures: list[str] = []
        self.uptime_s = UPTIME_S
        self._number = 0
        self.desk = Desk(
            self.loop,
            self.loop,
            elapsed_s=lambda: self.uptime_s,
            signed=sign(pid=7, version="1", journal="x.journal"),
            failed=lambda name, error: self.failures.append(f"{name}: {error}"),
        )
        self.loop.observers.append(self.desk)
        if started:
            self.desk.seen(TraderStarted(LIMITS), [], self.loop.state)

    def ask(self, what: Ask, *, code: str = "", request_id: str = "", ago_s: float = 0) -> Answer:
        """Ask for something; a new request unless `request_id` names an earlier one."""
        self._number += 1
        name = request_id or f"request-{self._number}"
        question = Question(what, name, sent_s=self.uptime_s - ago_s, code=code)
        return self.desk.answer(question, who="ann")

    def later(self, seconds: float) -> None:
        """Let time pass, here and on the machine."""
        self.uptime_s += seconds
        self.loop.now_at += timedelta(seconds=seconds)
