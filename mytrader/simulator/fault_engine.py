"""Commits the faults of `fault_rules`: looks at every message, draws, acts, and counts.

Every rule draws from a generator of its own, seeded by its place and its name, so that adding a
rule changes nothing about the others. Without rules nothing is drawn and nothing is touched.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Final, Protocol

from mytrader.domain.orders import Side
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.simulator import fault_rules as effects
from mytrader.simulator.agenda import Agenda
from mytrader.simulator.connection import ClientConnection
from mytrader.simulator.fault_edits import altered, edit, field_text
from mytrader.simulator.fault_rules import CONNECT, Rule
from mytrader.simulator.order_rules import Problem
from mytrader.simulator.outages import Outages, Premises
from mytrader.tws import answers
from mytrader.tws.errors import NO_SUBJECT
from mytrader.tws.fields import Message
from mytrader.tws.order_answers import ExecutionDetails
from mytrader.tws.requests import StartApi

_SWAPPED_MAX: Final = timedelta(seconds=1)


class Site(Premises, Protocol):
    """What the faults do beyond messages."""

    def knows_order(self, client_id: int, order_id: int) -> bool:
        """Whether the broker has an order of that client and id."""
        ...

    def fill_now(self, client_id: int, order_id: int) -> None:
        """Fill an order, if it works."""
        ...

    def doom(self, client_id: int, order_id: int, *, problem: Problem) -> None:
        """Refuse an order, or its change, when it arrives."""
        ...

    def correct(self, exec_id: str, ticks: int) -> None:
        """Correct the price of an execution."""
        ...

    def bust(self, exec_id: str) -> None:
        """Take an execution back."""
        ...

    def trade_by_hand(self, side: Side, quantity: int) -> None:
        """Trade at the market as a person does."""
        ...


class _Watched:
    """A rule with its own chance and its count."""

    def __init__(self, rule: Rule, place: int, seed: int) -> None:
        self.rule = rule
        self.name = rule.name or f"rule {place + 1}"
        self.chance = random.Random(f"fault {place} {self.name} {seed}")  # noqa: S311 - repeatable
        self._occasions = 0
        self._fired = 0
        match = rule.match
        self._wanted = () if match is None else _wanted(match.where)
        self.disturbs_session: Final = isinstance(rule.effect, effects.SESSION_EFFECTS)

    def speaks_of(self, message: Message) -> bool:
        """Whether the fields of a message of the rule's type are what the rule asks for."""
        for name, text, same in self._wanted:
            if (field_text(getattr(message, name, None)) == text) is not same:
                return False
        return True

    def over(self) -> bool:
        """Whether the rule has fired as often as it may."""
        times = self.rule.when.times
        return times is not None and self._fired >= times

    def strikes(self, elapsed_s: float) -> bool:
        """Draw for one occasion."""
        when = self.rule.when
        if elapsed_s < when.after_s or (when.until_s is not None and elapsed_s > when.until_s):
            return False
        if self.over():
            return False
        self._occasions += 1
        if self._occasions <= when.skip:
            return False
        overdue = when.by_s is not None and not self._fired and elapsed_s >= when.by_s
        if not overdue and when.chance < 1.0 and self.chance.random() >= when.chance:
            return False
        self._fired += 1
        return True

    def wait_ms(self, delay: effects.Delay) -> float:
        """Draw a delay."""
        return delay.ms + self.chance.uniform(0, delay.spread_ms)


class FaultEngine:
    """One gateway's faults. `fired` counts by rule name, `families` by family."""

    def __init__(self, site: Site, agenda: Agenda, *, rules: Sequence[Rule], seed: int) -> None:
        self.fired: Counter[str] = Counter()
        self.families: Counter[str] = Counter()
        self.outages = Outages(site, agenda)
        self.thin: int | None = None
        self._site = site
        self._agenda = agenda
        self._seed = seed
        self._began: datetime | None = None
        self._by_message: dict[str, list[_Watched]] = {}
        self._timed: list[_Watched] = []
        self._swapped: dict[ClientConnection, list[Message]] = {}
        self._muted: set[tuple[ClientConnection, type[Message], int]] = set()
        self.set_rules(rules)

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Commit these faults from now on instead of those before; outages under way go on."""
        self._by_message, self._timed = {}, []
        for place, rule in enumerate(rules):
            watched = _Watched(rule, place, self._seed)
            if rule.match is None:
                self._timed.append(watched)
            else:
                self._by_message.setdefault(rule.match.message, []).append(watched)
        if self._began is not None:
            self._arm()

    def begin(self) -> None:
        """Let the seconds of the rules begin to count."""
        if self._began is None:
            self._began = self._agenda.now
            self._arm()

    # What a connection asks.

    def welcomes(self, connection: ClientConnection) -> bool:
        """Whether a new connection may live."""
        if self.outages.down:
            return False
        for watched in self._by_message.get(CONNECT, ()):
            if self._strikes(watched, self._elapsed_s):
                if isinstance(watched.rule.effect, effects.Deafen):
                    connection.deafen()
                else:
                    return False
        return True

    def outbound(self, connection: ClientConnection, message: Message) -> list[Message]:
        """Return what leaves now in the place of a message."""
        if self.outages.loses_quotes(message):
            return []
        if self.outages.link_lost and not _is_notice(message):
            self.outages.hold_answer(connection, message)
            return []
        if self._muted and (connection, type(message), _subject(message)) in self._muted:
            return []
        leaving = [message]
        rules = self._by_message.get(type(message).__name__)
        if rules is not None:
            elapsed_s = self._elapsed_s
            for watched in rules:
                if (
                    leaving
                    and self._fits(watched, connection, message)
                    and self._strikes(watched, elapsed_s)
                ):
                    leaving = self._strike_answer(watched, connection, message=leaving[-1])
        if self._swapped and leaving:
            leaving += self._swapped.pop(connection, [])
        return leaving

    def inbound(self, connection: ClientConnection, message: Message) -> bool:
        """Whether a request is to be carried out now."""
        if self.outages.link_lost and not isinstance(message, StartApi):
            self.outages.hold_request(connection, message)
            return False
        for watched in self._by_message.get(type(message).__name__, ()):
            if (
                self._fits(watched, connection, message)
                and self._strikes(watched, self._elapsed_s)
                and not self._strike_request(watched, connection, message=message)
            ):
                return False
        return True

    @property
    def idle(self) -> bool:
        """Whether no message needs to be looked at."""
        return not self._by_message and not self.outages.any

    # Deciding.

    @property
    def _elapsed_s(self) -> float:
        return 0.0 if self._began is None else (self._agenda.now - self._began).total_seconds()

    def _fits(self, watched: _Watched, connection: ClientConnection, message: Message) -> bool:
        match = watched.rule.match
        if match is None or match.client_id not in (None, connection.client_id):
            return False
        # What happens to the session is told by notices: it must not be set off by them.
        if watched.disturbs_session and _is_notice(message):
            return False
        if match.known is not None:
            known = self._site.knows_order(_client(connection), _subject(message))
            if known is not match.known:
                return False
        return watched.speaks_of(message)

    def _strikes(self, watched: _Watched, elapsed_s: float) -> bool:
        if not watched.strikes(elapsed_s):
            return False
        self.fired[watched.name] += 1
        self.families[watched.rule.family] += 1
        return True

    # Acting on answers.

    def _strike_answer(
        self, watched: _Watched, connection: ClientConnection, *, message: Message
    ) -> list[Message]:
        effect = watched.rule.effect
        edited = edit(effect, message)
        if edited is not None:
            return edited
        match effect:
            case effects.Delay() | effects.Swap() | effects.Precede():
                return self._postpone(watched, connection, message=message)
            case effects.Repeat(times=times, after_ms=after_ms):
                return self._repeat(connection, message, times=times, after_ms=after_ms)
            case effects.Cut():
                connection.cut(message)
                return []
            case effects.Mute():
                self._muted.add((connection, type(message), _subject(message)))
                return []
            case effects.Follow(code=code, text=text, ms=ms):
                problem = answers.Problem(_subject(message), code, text)
                self._later(ms, lambda: connection.send_plain(problem))
            case _:
                self._strike_beside(effect, connection, message=message)
        return [message]

    def _postpone(
        self, watched: _Watched, connection: ClientConnection, *, message: Message
    ) -> list[Message]:
        match watched.rule.effect:
            case effects.Precede(set=values, ms=ms):
                self._later(ms, lambda: connection.send_plain(message))
                return [altered(message, values, {})]
            case effects.Delay() as delay:
                self._later(watched.wait_ms(delay), lambda: connection.send_plain(message))
            case _:
                self._swap(connection, message)
        return []

    def _strike_beside(
        self, effect: effects.Effect, connection: ClientConnection, *, message: Message
    ) -> None:
        if isinstance(effect, effects.Correct | effects.Bust):
            self._revise(message, effect)
        else:
            self._strike_connection(effect, connection)

    def _repeat(
        self, connection: ClientConnection, message: Message, *, times: int, after_ms: int
    ) -> list[Message]:
        if not after_ms:
            return [message] * (times + 1)
        for number in range(1, times + 1):
            self._later(number * after_ms, lambda: connection.send_plain(message))
        return [message]

    def _swap(self, connection: ClientConnection, message: Message) -> None:
        self._swapped.setdefault(connection, []).append(message)

        def give_up() -> None:
            left = self._swapped.get(connection, [])
            if any(each is message for each in left):
                connection.send_plain(*self._swapped.pop(connection))

        self._agenda.at(self._agenda.now + _SWAPPED_MAX, give_up)

    def _revise(self, message: Message, effect: effects.Correct | effects.Bust) -> None:
        # A correction is told like an execution; it is not corrected again.
        first = isinstance(message, ExecutionDetails) and message.exec_id.endswith(".01")
        if not isinstance(message, ExecutionDetails) or not first or message.req_id != NO_SUBJECT:
            return
        exec_id = message.exec_id
        if isinstance(effect, effects.Correct):
            ticks = effect.ticks
            self._later(effect.after_ms, lambda: self._site.correct(exec_id, ticks))
        else:
            self._later(effect.after_ms, lambda: self._site.bust(exec_id))

    # Acting on requests.

    def _strike_request(
        self, watched: _Watched, connection: ClientConnection, *, message: Message
    ) -> bool:
        match watched.rule.effect:
            case effects.Drop():
                return False
            case effects.Delay() as delay:
                self._later(watched.wait_ms(delay), lambda: connection.carry_out(message))
                return False
            case effects.Answer() as answer:
                problem = answers.Problem(_subject(message), answer.code, answer.text)
                connection.send_plain(problem)
                if answer.close:
                    connection.close()
                return answer.carry_out
            case effects.Close(carry_out=carry_out):
                if carry_out:
                    connection.carry_out(message)
                connection.close()
                return False
            case effects.Deafen():
                connection.deafen()
                return False
            case effects.Refuse(code=code, text=text):
                doomed = Problem(code, text)
                self._site.doom(_client(connection), _subject(message), problem=doomed)
            case effects.FillFirst():
                self._site.fill_now(_client(connection), _subject(message))
            case effect:
                self._strike_connection(effect, connection)
        return True

    def _strike_connection(self, effect: effects.Effect, connection: ClientConnection) -> None:
        match effect:
            case effects.Close():
                connection.close()
            case effects.Deafen():
                connection.deafen()
            case effects.Split(size=size, ms=ms, pieces=pieces):
                gap = timedelta(milliseconds=ms)
                connection.split(size, gap, self._agenda.at, pieces=pieces)
            case effects.Hold(ms=ms):
                connection.hold(True)
                self._later(ms, lambda: connection.hold(False))
            case effects.Doze(ms=ms):
                connection.doze(True)
                self._later(ms, lambda: connection.doze(False))
            case _:
                self._strike_session(effect)

    # Acting on the session.

    def _strike_session(self, effect: effects.Effect) -> None:
        match effect:
            case effects.Notice(code=code, text=text):
                self._site.say(code, text)
            case effects.LoseLink(seconds=seconds, data_kept=data_kept, night=night):
                self.outages.lose_link(seconds, data_kept=data_kept, night=night)
            case effects.FarmDown(seconds=seconds, told=told):
                self.outages.lose_farms(seconds, told=told)
            case effects.Restart(seconds=seconds):
                self.outages.restart(seconds)
            case effects.Halt(seconds=seconds):
                self.outages.halt(seconds)
            case effects.ByHand(side=side, quantity=quantity):
                self._site.trade_by_hand(side, quantity)
            case effects.Thin(size=size, seconds=seconds):
                self._thin(size, seconds)

    def _thin(self, size: int, seconds: float) -> None:
        self.thin = size

        def end() -> None:
            self.thin = None

        self._later(seconds * 1000, end)

    def _arm(self) -> None:
        for watched in self._timed:
            self._arm_one(watched, first=True)

    def _arm_one(self, watched: _Watched, *, first: bool = False) -> None:
        when = watched.rule.when
        wait_s = max(when.after_s - self._elapsed_s, 0.0) if first else 0.0
        if when.daily_at is not None:
            wait_s = self._until_s(when.daily_at) + watched.chance.uniform(0, when.within_s)
        elif when.every_s is not None:
            wait_s += watched.chance.expovariate(1 / when.every_s)
        elif not first:
            return
        if first and when.by_s is not None:
            wait_s = min(wait_s, max(when.by_s - self._elapsed_s, 0.0))
        if watched.over() or (
            when.until_s is not None and self._elapsed_s + wait_s > when.until_s
        ):
            return

        def strike() -> None:
            if watched in self._timed:
                if self._strikes(watched, self._elapsed_s):
                    self._strike_session(watched.rule.effect)
                self._arm_one(watched)

        self._later(wait_s * 1000, strike)

    def _until_s(self, daily_at: str) -> float:
        now = self._agenda.now.astimezone(EXCHANGE_ZONE)
        when = datetime.combine(now.date(), time.fromisoformat(daily_at), EXCHANGE_ZONE)
        if when <= now:
            when += timedelta(days=1)
        return (when - now).total_seconds()

    def _later(self, ms: float, action: Callable[[], None]) -> None:
        self._agenda.at(self._agenda.now + timedelta(milliseconds=ms), action)


def _wanted(where: Mapping[str, str]) -> tuple[tuple[str, str, bool], ...]:
    """Return each field's name, the text to compare it with, and whether it is to be the same."""
    return tuple(
        (name, text.removeprefix("!"), not text.startswith("!")) for name, text in where.items()
    )


def _client(connection: ClientConnection) -> int:
    return -1 if connection.client_id is None else connection.client_id


def _subject(message: Message) -> int:
    subject = getattr(message, "order_id", getattr(message, "req_id", NO_SUBJECT))
    return int(subject)


def _is_notice(message: Message) -> bool:
    return isinstance(message, answers.Problem) and message.subject == NO_SUBJECT
