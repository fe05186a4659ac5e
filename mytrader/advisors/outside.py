"""An advisor that lives outside: somebody else's service, which costs money and may be down.

One question goes through these, in order: the cache of equal questions, then for every attempt
the cap on calls that have not ended, the breaker, the day's budget, the call itself. Only what
may be over in a moment (throttling, a fault of the server, a broken connection) is tried again,
after a random pause, and only while the time leaves room.

Whatever happens, `opine` returns an opinion, and no later than `answer_within`: each failure is a
WAIT that binds, named by its word. A call that nobody waits for any more (the time was over, or
the panel cancelled) goes on in its thread, because a request that was sent cannot be called back.
It costs money all the same, so its end is told to `noted` whenever it comes. Calls that do not end
take up a place, and a target has few: then it is "busy".

All state is touched on the loop alone; the thread gets a prompt and hands a reply back.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from mytrader.advisors.answer_cache import AnswerCache, question_key
from mytrader.advisors.breaker import Breaker
from mytrader.advisors.budget import Budget, Reservation
from mytrader.advisors.opinion import failed, parse_reply
from mytrader.advisors.prompts import Prompt, UnusableQuestion, put
from mytrader.domain.decision import AdvisorCall, AdvisorRole, Opinion, Question
from mytrader.ports import Runtime

ANSWERED: Final = "answered"
ABANDONED: Final = "abandoned"
BUSY: Final = "busy"
TIMEOUT: Final = "timeout"
UNREADABLE: Final = "unreadable"
RETRIED: Final = frozenset({"throttled", "server_error", "unreachable"})
"""Failures that may be over in a moment."""
SERVICE_IS_WELL: Final = frozenset({ANSWERED, UNREADABLE})
"""Ends that say nothing against the service: what it answered may still be nonsense."""
UNENDED_MAX: Final = 2
"""Calls of one target; two targets leave threads of the loop's executor to others."""
PAUSE_FIRST_S: Final = 0.1
PAUSE_MAX_S: Final = 1.0
ROOM_S: Final = 0.2
"""An attempt that has less time than this is not worth its money."""

Noted = Callable[[str, AdvisorCall], None]
"""Told the cycle id and the end of every call, on the loop; may come long after the opinion."""


class Reply(Struct, frozen=True):
    """How a call ended, as its thread tells it.

    `outcome` is ANSWERED or a failure's word, `detail` the service's own code where it has one.
    `body` is what was answered. `cost_usd` is `None` where nobody can tell.
    """

    outcome: str
    body: object = None
    detail: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: Decimal | None = None


class Target(Protocol):
    """One agent or model."""

    @property
    def name(self) -> str:
        """What people call it; holds no account number."""
        ...

    def worst_usd(self, prompt: Prompt) -> Decimal:
        """Return the most that a call with this prompt can cost, dollars."""
        ...

    def ask(self, prompt: Prompt, session: str) -> Reply:
        """Ask and wait for the end: blocks, in a thread; what the service does is in the reply."""
        ...


class Terms(Struct, frozen=True):
    """How an advisor outside is asked. `answer_within` ends before the panel's deadline."""

    answer_within: timedelta
    attempts_max: int


class Shared:
    """What the advisors of one account have in common: the day's budget, the cache, the ears.

    `chance` returns numbers from 0 to 1.
    """

    def __init__(
        self, budget: Budget, cache: AnswerCache, *, noted: Noted, chance: Callable[[], float]
    ) -> None:
        self.budget = budget
        self.cache = cache
        self.noted = noted
        self.chance = chance

    def reserve(self, now: datetime, usd: Decimal) -> Reservation | None:
        """See `Budget.reserve`."""
        reserved = self.budget.reserve(now, usd)
        if reserved is None:
            return None
        self.budget, reservation = reserved
        return reservation

    def settle(self, reservation: Reservation, cost_usd: Decimal | None) -> None:
        """See `Budget.settle`."""
        self.budget = self.budget.settle(reservation, cost_usd)


class _Call:
    """One request under way. `given_up` says that nobody waits for it any more."""

    def __init__(
        self, cycle_id: str, attempt: int, *, sent_at: datetime, reservation: Reservation
    ) -> None:
        self.cycle_id = cycle_id
        self.attempt = attempt
        self.sent_at = sent_at
        self.reservation = reservation
        self.given_up = False
        self.judged = False
        self.reply: Reply | None = None
        self.opinion: Opinion | None = None


class OutsideAdvisor:
    """`ports.Advisor` on a target."""

    def __init__(
        self,
        seat: tuple[str, AdvisorRole],
        target: Target,
        runtime: Runtime,
        *,
        terms: Terms,
        shared: Shared,
        breaker: Breaker,
    ) -> None:
        self.name, self.role = seat
        self.target = target
        self._runtime = runtime
        self._terms = terms
        self._shared = shared
        self._under_way: dict[asyncio.Future[Reply], _Call] = {}
        self.breaker = breaker

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Return the opinion or the failure; raises nothing for what the service does."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._terms.answer_within.total_seconds()
        try:
            prompt = put(question, self.role)
        except UnusableQuestion as why:
            return self._failed(f"unusable question: {why}")
        key = question_key(prompt.facts, role=self.role, target=self.target.name)
        known = self._shared.cache.get(key, now)
        if known is not None:
            # Equal facts may have come from other trades than last time.
            return replace(known, cited=prompt.shown)
        opinion = await self._attempts(prompt, question.cycle_id, until_s)
        self._shared.cache.put(key, opinion, self._runtime.now())
        return opinion

    def close(self) -> None:
        """Tell of every call that is still under way: the process will not see its end."""
        for call in self._under_way.values():
            self._end(call, Reply(ABANDONED))
        self._under_way.clear()

    async def _attempts(self, prompt: Prompt, cycle_id: str, until_s: float) -> Opinion:
        last: str | None = None
        for attempt in count(1):
            refusal, call = self._admitted(prompt, cycle_id, attempt)
            if call is None:
                return self._failed(last or refusal)
            reply = await self._attempt(call, prompt, until_s)
            if call.opinion is not None:
                return replace(call.opinion, cited=prompt.shown)
            last = f"{reply.outcome}: {reply.detail}" if reply.detail else reply.outcome
            if reply.outcome not in RETRIED or attempt >= self._terms.attempts_max:
                break
            # Full jitter: those who were turned away together do not come back together.
            most_s = min(PAUSE_FIRST_S * 2.0 ** (attempt - 1), PAUSE_MAX_S)
            pause_s = self._shared.chance() * most_s
            if _left_s(until_s) < pause_s + ROOM_S:
                break
            # Nothing settles this future: waiting for it is a pause that ends with its task.
            await asyncio.wait([_future()], timeout=pause_s)
        return self._failed(last or TIMEOUT)

    def _admitted(self, prompt: Prompt, cycle_id: str, attempt: int) -> tuple[str, _Call | None]:
        """Return a call that may be made, or the word why none may."""
        now = self._runtime.now()
        if len(self._under_way) >= UNENDED_MAX:
            return BUSY, None
        breaker = self.breaker.admit(now)
        if breaker is None:
            return "breaker_open", None
        # The breaker's own step comes last: a try that the budget forbids has not been made.
        reservation = self._shared.reserve(now, self.target.worst_usd(prompt))
        if reservation is None:
            return "budget_spent", None
        self.breaker = breaker
        return "", _Call(cycle_id, attempt, sent_at=now, reservation=reservation)

    async def _attempt(self, call: _Call, prompt: Prompt, until_s: float) -> Reply:
        session = f"{self._runtime.new_cycle_id()}-{self.role}-{call.attempt}"
        task = asyncio.ensure_future(  # noqa: TID251 - `_settle` looks at its outcome
            self._runtime.off_loop(partial(self.target.ask, prompt, session))
        )
        self._under_way[task] = call
        task.add_done_callback(self._settle)
        try:
            # Waiting, unlike awaiting, cancels nothing: the thread would go on unseen.
            await asyncio.wait([task], timeout=max(_left_s(until_s), 0.0))
        finally:
            call.given_up = call.reply is None
        if call.reply is None:
            self._judge(call, TIMEOUT)
            return Reply(TIMEOUT)
        return call.reply

    def _settle(self, task: asyncio.Future[Reply]) -> None:
        """Take in how a call ended, whoever still waits for it."""
        call = self._under_way.pop(task, None)
        if task.cancelled():
            reply = Reply(ABANDONED)
        elif (error := task.exception()) is not None:
            # The text of a foreign error may hold anything, so only its kind is told.
            reply = Reply("error", detail=type(error).__name__)
        else:
            reply = task.result()
        if call is None:
            return
        if reply.outcome == ANSWERED:
            opinion = parse_reply(reply.body, advisor=self.name, role=self.role)
            if opinion.failure is None:
                call.opinion = opinion
            else:
                why = opinion.failure.removeprefix(f"{UNREADABLE}: ")
                reply = replace(reply, outcome=UNREADABLE, detail=why)
        call.reply = reply
        self._end(call, reply)

    def _end(self, call: _Call, reply: Reply) -> None:
        now = self._runtime.now()
        self._judge(call, reply.outcome)
        self._shared.settle(call.reservation, reply.cost_usd)
        late = call.given_up and reply.outcome == ANSWERED
        self._shared.noted(
            call.cycle_id,
            AdvisorCall(
                advisor=self.name,
                target=self.target.name,
                attempt=call.attempt,
                outcome=ABANDONED if late else reply.outcome,
                latency_ms=round(max((now - call.sent_at) / timedelta(milliseconds=1), 0.0), 3),
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
                cost_usd=reply.cost_usd,
                reserved_usd=call.reservation.usd,
            ),
        )

    def _judge(self, call: _Call, outcome: str) -> None:
        """Let the breaker know, once for every call."""
        if call.judged or outcome == ABANDONED:
            return
        call.judged = True
        well = outcome in SERVICE_IS_WELL
        self.breaker = (
            self.breaker.succeeded() if well else self.breaker.failed(self._runtime.now())
        )

    def _failed(self, failure: str) -> Opinion:
        return failed(self.name, self.role, failure=failure)


def _left_s(until_s: float) -> float:
    return until_s - asyncio.get_running_loop().time()


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()
