"""What a request at the door leads to: a look at the state, or one event through the same loop.

The desk has no power of its own. Whatever a person asks becomes an `OperatorAsked` that the loop
records and `step` judges, like everything else that happens.
"""

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol

from msgspec.structs import replace

from mytrader.control.protocol import Answer, Ask, Question, Refusal
from mytrader.control.status import Said, Status, status_of
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.events import AnyEvent, OperatorAsked, Request, TraderStarted
from mytrader.domain.trader import Mode, TraderState
from mytrader.errors import MytraderError
from mytrader.ports import Clock

ALERTS_KEPT: Final = 20
EXPIRED: Final = "REQUEST_EXPIRED"
REPEATED: Final = "REQUEST_REPEATED"
"""What `step` says of a request that it did not carry out."""

REQUESTS: Final = {
    Ask.HALT: Request.HALT,
    Ask.FLATTEN: Request.FLATTEN,
    Ask.RESUME: Request.RESUME,
}

DONE: Final = {
    Ask.HALT: "halted: no new entries; what protects stays",
    Ask.FLATTEN: "flattening: entries are withdrawn, what is open is being closed",
    Ask.RESUME: "resumed: entries are allowed again",
}


class Loop(Protocol):
    """The trader's loop as the desk needs it."""

    @property
    def state(self) -> TraderState:
        """The state after the newest event."""
        ...

    @property
    def failure(self) -> BaseException | None:
        """What ended the loop, if anything has."""
        ...

    def handle(self, event: AnyEvent) -> None:
        """Record an event and act on it; raises `MytraderError`."""
        ...


class Identity(Protocol):
    """What the status says of the process itself."""

    def __call__(self, status: Status) -> Status:
        """Return `status` with pid, version and journal, and what the process lacks."""
        ...


class Desk:
    """Answers questions about one trader; an observer of its loop, for the alerts.

    `elapsed_s` is the machine's monotonic clock, `clock` the trader's; `failed` is told of a
    failure of the loop, which has then stopped deciding.
    """

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        *,
        elapsed_s: Callable[[], float],
        signed: Identity,
        failed: Callable[[str, BaseException], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._elapsed_s = elapsed_s
        self._signed = signed
        self._failed = failed
        self._started = False
        self._pages = 0
        self._alerts: deque[Said] = deque(maxlen=ALERTS_KEPT)
        self._heard: list[Said] = []

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Remember the alerts of an event."""
        del state
        self._started = self._started or isinstance(event, TraderStarted)
        for command in asked:
            if isinstance(command, RaiseAlert):
                self._pages += command.level is AlertLevel.PAGE
                said = Said(self._clock.now(), command.level, command.code, command.text)
                self._alerts.append(said)
                self._heard.append(said)

    def answer(self, question: Question, *, who: str) -> Answer:
        """Return what came of a request by `who`; never raises."""
        if question.ask is Ask.STATUS:
            return Answer(ok=True, status=self.status())
        refusal = self._refusal(question)
        if refusal is not None:
            return refusal
        self._heard = []
        try:
            self._loop.handle(self._event(question, who))
        except MytraderError as error:
            self._failed("a request", error)
            return self._refused(Refusal.FAILED, f"{error}; the trader has stopped deciding")
        if self._loop.failure is not None:
            text = f"the trader has failed ({self._loop.failure}) and takes no requests"
            return self._refused(Refusal.FAILED, text)
        return self._taken(question.ask)

    def status(self) -> Status:
        """Return how the trader stands."""
        now, state = self._clock.now(), self._loop.state
        if not self._started:
            state = _unheard(state)
        shown = status_of(state, now, alerts=self._alerts, pages=self._pages)
        return self._signed(shown)

    def _event(self, question: Question, who: str) -> OperatorAsked:
        """Return the request for the record, with its age on the trader's clock."""
        age = timedelta(seconds=self._elapsed_s() - question.sent_s)
        return OperatorAsked(
            REQUESTS[question.ask],
            f"{who} ({question.via})",
            request_id=question.request_id,
            asked_at=self._clock.now() - age,
        )

    def _taken(self, ask: Ask) -> Answer:
        codes = {said.code for said in self._heard}
        if EXPIRED in codes:
            return self._refused(Refusal.EXPIRED, "the request came too late: look, and ask again")
        text = "taken before: nothing is done twice" if REPEATED in codes else DONE[ask]
        return Answer(ok=True, text=text, said=tuple(self._heard), status=self.status())

    def _refusal(self, question: Question) -> Answer | None:
        """Return why a request does not reach the loop, `None` for one that does.

        What only takes permission away needs nothing; resuming has to show what was seen.
        """
        if question.ask is Ask.HALT:
            return None
        if not self._started:
            text = "the trader is still connecting and has sent nothing: halt it, or try again"
            return self._refused(Refusal.NOT_STARTED, text)
        if question.ask is Ask.RESUME:
            return self._resume_refusal(question)
        return None

    def _resume_refusal(self, question: Question) -> Answer | None:
        if question.request_id in self._loop.state.requests:
            return None
        status = self.status()
        if status.mode is Mode.NORMAL:
            return self._refused(Refusal.NOT_STOPPED, "the mode is NORMAL: nothing to resume")
        if question.code != status.resume_code:
            shown = "names no code" if not question.code else f"names {question.code}"
            text = (
                f"the resume {shown}, and how the trader stands has {status.resume_code}: read"
                " the status, mend what it says, and resume with its code"
            )
            return self._refused(Refusal.CODE_NEEDED, text)
        return None

    def _refused(self, refusal: Refusal, text: str) -> Answer:
        return Answer(ok=False, text=text, refusal=refusal, status=self.status())


def _unheard(state: TraderState) -> TraderState:
    """Return what is known before a start: what the last process heard is the past."""
    return replace(
        state,
        link=replace(state.link, up=False),
        positions={
            con_id: replace(view, confirmed=False, reported=None)
            for con_id, view in state.positions.items()
        },
    )


def sign(
    *,
    pid: int,
    version: str,
    journal: str,
    shadow: bool = False,
    without: tuple[str, ...] = (),
) -> Identity:
    """Return a function that signs a status with the process it comes from."""
    return lambda status: replace(
        status, pid=pid, version=version, journal=journal, shadow=shadow, without=without
    )
