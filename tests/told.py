"""Whatever happens to the real `step`, seen by a `Teller`: what people are told of it."""

from collections.abc import Iterable
from datetime import timedelta

from mytrader.alerts.message import Message
from mytrader.alerts.messages import Teller, Wanted
from mytrader.alerts.wording import without_tags
from mytrader.domain.events import AnyEvent, Event, TimeReached, TraderStarted
from mytrader.domain.limits import Limits
from mytrader.execution.trade_cycle import next_deadline
from mytrader.simulator.telegram_server import shown_text
from tests.playbook import (
    LIMITS,
    Advised,
    Elapsed,
    EntrySubmitted,
    Filled,
    Happening,
    Playbook,
    StopWorking,
    proposed,
    the_start,
)


class Watched:
    """A script whose every event is also seen by a teller; `told` is what it made of them."""

    def __init__(
        self,
        wanted: Wanted = Wanted(),  # noqa: B008 - frozen
        *,
        limits: Limits = LIMITS,
        name: str = "",
        mark: str = "",
        secrets: Iterable[str] = (),
    ) -> None:
        self.teller = Teller(wanted, name=name, mark=mark, secrets=secrets)
        self.script = Playbook(the_start(limits))
        self.told: list[Message] = []

    def sees(self, *happenings: Happening | Elapsed | AnyEvent) -> "Watched":
        """Let things happen."""
        for happening in happenings:
            if isinstance(happening, Event):
                self._step(happening)
            elif isinstance(happening, Elapsed):
                self._wait(happening.seconds)
            else:
                for event in happening.events(self.script):
                    self._step(event)
        return self

    def started(self) -> "Watched":
        """The process begins; what the broker must say after that it has said already."""
        state = self.script.state
        event = TraderStarted(state.limits)
        self._keep(self.teller.seen(self.script.now, event, asked=[], state=state))
        return self

    def opened(self) -> "Watched":
        """Open the standard trade: long one at 27,200, its stop works at 27,180."""
        return self.started().sees(
            proposed(),
            Advised(),
            EntrySubmitted(),
            Filled("E1"),
            StopWorking(),
        )

    def _step(self, event: AnyEvent, later: timedelta = timedelta(0)) -> None:
        self.script = self.script.ignoring().after(event, later=later)
        asked, state = self.script.left, self.script.state
        self._keep(self.teller.seen(self.script.now, event, asked=asked, state=state))

    def _wait(self, seconds: float) -> None:
        end = self.script.now + timedelta(seconds=seconds)
        while (due := next_deadline(self.script.state)) is not None and due <= end:
            self._step(TimeReached(), max(due - self.script.now, timedelta(0)))
        self._step(TimeReached(), end - self.script.now)

    def ends(self, failure: BaseException | None = None) -> "Watched":
        """The trader ends."""
        self._keep(self.teller.ended(self.script.now, failure))
        return self

    def _keep(self, messages: Iterable[Message]) -> None:
        for message in messages:
            assert shown_text(message.html, "HTML")[1] == "", message.html
            self.told.append(message)

    @property
    def codes(self) -> list[str]:
        """The codes of everything told, in order."""
        return [message.code for message in self.told]

    def text(self, code: str) -> str:
        """What the newest message with a code says."""
        return without_tags([each for each in self.told if each.code == code][-1].html)
