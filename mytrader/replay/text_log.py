"""The earlier trader's text log, line by line, into a `History`.

A line is `2025-12-12 08:53:13 CST | INFO     | module:function:line - message`; gateway errors
stand alone without a time. Lines of other shapes are passed over. One shape may not be lost: a
line that speaks of an execution and cannot be read makes the position unknown from there on.

An execution line names no side: the side is that of the order it names, a bracket leg's the
opposite of its parent's. Order lines name no contract: it is the one whose positions the log
reports. The stop and target of an order stand only in the alert that follows its fill.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.instrument import Instrument, OffGridError
from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.replay.history import (
    Advised,
    AnyFact,
    Doubtful,
    Filled,
    History,
    Leg,
    LinkLost,
    Placed,
    Reported,
    Signalled,
    StatusSeen,
    instrument_of,
)

CHICAGO: Final = ZoneInfo("America/Chicago")
OFFSETS: Final = {"CST": timezone(timedelta(hours=-6)), "CDT": timezone(timedelta(hours=-5))}

_LINE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:[.,]\d+)?(?: (CST|CDT))? \| *\w+ *\| \S+ - (.*)", re.ASCII
)
_COUNT: Final = r"(\d{1,9})(?:\.0+)?"
_SIGNED: Final = r"(-?\d{1,9})(?:\.0+)?"
_PRICE: Final = r"(\d{1,9}(?:\.\d{1,9})?)"
_PRICE_OR_NONE: Final = r"(None|\d{1,9}(?:\.\d{1,9})?)"
_ID: Final = r"(\d{1,18})"
_SHAPES: Final = {
    name: re.compile(r"\W*" + shape)
    for name, shape in {
        "reported": rf"Reconciled position: ([A-Z][A-Z0-9]{{0,9}}) qty={_SIGNED} ",
        "signal": r"Hybrid Pipeline: ([A-Z]{1,10}) \(conf=(0(?:\.\d{1,9})?|1(?:\.0{1,9})?)"
        r"(?:, trend=(\w{1,20}))?(?:, vol=(\w{1,20}))?\)",
        "advice": r"(Decision|Risk) Agent response: (\w{1,20})\b"
        r"(?: \(confidence: (100|\d{1,2})(?:\.\d{1,9})?%\))?",
        "advisory": r"AWS WAIT advisory only",
        "placed": rf"Placing order request: action='(BUY|SELL)' quantity={_COUNT} "
        rf"type=(\w{{1,20}}) limit={_PRICE_OR_NONE} orderId={_ID}\b",
        "leg": rf"Placed bracket order {_ID} \((take-profit|stop-loss)\) \(parent={_ID}\)",
        "filled": rf"Execution: Order {_ID}, qty={_COUNT}, price={_PRICE}(?:,|$)",
        "status": rf"Order {_ID} status: (\w{{1,20}}) \(filled={_COUNT},",
        "alert": rf"Sending Telegram alert: (BUY|SELL) {_COUNT} @ {_PRICE}, "
        rf"SL={_PRICE_OR_NONE}, TP={_PRICE_OR_NONE}",
    }.items()
}
_LINK: Final = re.compile(r"Error 110[012], ")
_EXECUTION_MARK: Final = "Execution: Order"
_LEGS: Final = {"stop-loss": Leg.STOP, "take-profit": Leg.TARGET}


class Recognised(Struct, frozen=True):
    """One line of a known shape: its number from 1, its time, the shape and what it captured."""

    number: int
    at: datetime
    shape: str
    captured: tuple[str, ...]


def read_text_log(path: Path, symbol: str | None = None) -> History:
    """Read a whole log.

    `symbol` is needed only for a log that never reports a position. Raises `BadInput` when the
    file cannot be read, is not text, or holds no line of a known shape.
    """
    try:
        with path.open("rb") as lines:
            known = list(recognise(line.decode("utf-8", errors="replace") for line in lines))
            size = lines.tell()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    if not known:
        what = "holds no line of the trader's log" if size else "is empty"
        raise BadInput(f"{path} {what}: give the log or the SQLite order history of that day")
    instrument = instrument_of(_symbol(known, path, given=symbol), path.name)
    return History(path.name, "text log", tuple(_Interpreter(instrument).facts_of(known)))


def recognise(lines: Iterable[str]) -> Iterator[Recognised]:
    """Yield the lines that mean something, whatever stands between them."""
    at: datetime | None = None
    for number, ended_line in enumerate(lines, 1):
        line = ended_line.rstrip("\r\n")
        head = _LINE.match(line)
        moment = _moment(head) if head is not None else None
        if head is not None and moment is not None:
            at = moment
            yield from _shaped(number, at, message=head[3])
        elif at is not None and _LINK.match(line):
            yield Recognised(number, at, "link", ())
        elif at is not None and _EXECUTION_MARK in line:
            yield Recognised(number, at, "unreadable", ())


def _shaped(number: int, at: datetime, *, message: str) -> Iterator[Recognised]:
    for shape, pattern in _SHAPES.items():
        match = pattern.match(message)
        if match is not None:
            yield Recognised(number, at, shape, tuple(group or "" for group in match.groups()))
            return
    if _EXECUTION_MARK in message:
        yield Recognised(number, at, "unreadable", ())


def _moment(head: re.Match[str]) -> datetime | None:
    try:
        local = datetime.fromisoformat(head[1]).replace(tzinfo=OFFSETS.get(head[2], CHICAGO))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _symbol(known: Iterable[Recognised], path: Path, *, given: str | None) -> str:
    named = sorted({line.captured[0] for line in known if line.shape == "reported"})
    if given is not None:
        named = [given]
    if len(named) > 1:
        raise BadInput(
            f"{path} reports positions in {', '.join(named)}, but its order lines name no "
            "contract: replay the SQLite order history of that day instead"
        )
    if not named:
        raise BadInput(f"{path} never reports a position: name its contract with --symbol")
    return named[0]


class _Interpreter:
    """Turns recognised lines into facts; remembers orders, since later lines only cite them."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._facts: list[AnyFact] = []
        self._placed_at: dict[int, int] = {}
        self._alerted: set[int] = set()
        self._readers: dict[str, Callable[[Recognised], AnyFact | None]] = {
            "reported": self._reported,
            "signal": self._signal,
            "advice": self._advice,
            "advisory": lambda _: self._advisory(),
            "placed": self._placed,
            "leg": self._leg,
            "filled": self._filled,
            "status": self._status,
            "alert": self._alert,
            "link": lambda line: LinkLost(line.at),
            "unreadable": lambda line: Doubtful(
                line.at, f"line {line.number} speaks of an execution and cannot be read"
            ),
        }

    def facts_of(self, lines: Iterable[Recognised]) -> list[AnyFact]:
        for line in lines:
            fact = self._readers[line.shape](line)
            if fact is not None:
                self._facts.append(fact)
        return self._facts

    def _reported(self, line: Recognised) -> AnyFact:
        return Reported(line.at, line.captured[0], int(line.captured[1]))

    def _signal(self, line: Recognised) -> AnyFact:
        action, confidence, trend, volatility = line.captured
        return Signalled(line.at, action, float(confidence), trend, volatility)

    def _advice(self, line: Recognised) -> AnyFact:
        who, word, percent = line.captured
        readable = word in (Advice.GO, Advice.WAIT)
        opinion = Opinion(
            advisor=f"{who} Agent",
            role=AdvisorRole(who.lower()),
            decision=Advice(word) if readable else Advice.WAIT,
            rationale=f"{word} at {percent}%" if percent else word,
            confidence=int(percent) / 100 if percent else None,
            failure=None if readable else f"unreadable answer {word}",
        )
        return Advised(line.at, opinion)

    def _advisory(self) -> None:
        """The remark belongs to the newest opinion; without one it says nothing."""
        newest = self._facts[-1] if self._facts else None
        if isinstance(newest, Advised) and newest.opinion.decision is Advice.WAIT:
            said = f"{newest.opinion.rationale}, advisory only"
            opinion = replace(newest.opinion, advisory_only=True, rationale=said)
            self._facts[-1] = replace(newest, opinion=opinion)

    def _placed(self, line: Recognised) -> AnyFact:
        side, quantity, order_type, limit, order_id = line.captured
        order = Placed(
            line.at,
            int(order_id),
            self._instrument.symbol,
            Side(side),
            int(quantity),
            order_type,
            limit=_price(limit),
        )
        return self._remember(order)

    def _leg(self, line: Recognised) -> AnyFact | None:
        parent = self._order(int(line.captured[2]))
        if parent is None:
            return None
        leg = Placed(
            line.at,
            int(line.captured[0]),
            parent.symbol,
            parent.side.opposite,
            parent.quantity,
            line.captured[1],
            parent_id=parent.order_id,
            leg=_LEGS[line.captured[1]],
        )
        return self._remember(leg)

    def _remember(self, order: Placed) -> AnyFact:
        again = order.order_id in self._placed_at
        self._placed_at[order.order_id] = len(self._facts) + again
        if again:
            self._facts.append(Doubtful(order.at, f"order id {order.order_id} was issued again"))
        return order

    def _order(self, order_id: int) -> Placed | None:
        index = self._placed_at.get(order_id)
        order = None if index is None else self._facts[index]
        return order if isinstance(order, Placed) else None

    def _filled(self, line: Recognised) -> AnyFact:
        order_id, quantity, price = int(line.captured[0]), int(line.captured[1]), line.captured[2]
        order = self._order(order_id)
        if order is None:
            return Doubtful(line.at, f"order {order_id} filled, but the log never placed it")
        try:
            ticks = self._instrument.ticks(price)
        except OffGridError as error:
            return Doubtful(line.at, f"line {line.number}: {error}")
        return Filled(line.at, order_id, order.symbol, order.side, quantity, ticks)

    def _status(self, line: Recognised) -> AnyFact:
        order_id, status, filled = line.captured
        return StatusSeen(line.at, int(order_id), status, int(filled))

    def _alert(self, line: Recognised) -> None:
        """Give the order of the newest fill that the alert describes its stop and target."""
        side, quantity, price, stop, target = line.captured
        for fact in reversed(self._facts):
            if (
                isinstance(fact, Filled)
                and (fact.side, fact.quantity) == (Side(side), int(quantity))
                and self._instrument.price(fact.price) == Decimal(price)
            ):
                self._protect(fact.order_id, _price(stop), target=_price(target))
                return

    def _protect(self, order_id: int, stop: Decimal | None, *, target: Decimal | None) -> None:
        order = self._order(order_id)
        if order is not None and order_id not in self._alerted:
            self._alerted.add(order_id)
            self._facts[self._placed_at[order_id]] = replace(
                order, stop_loss=stop, take_profit=target
            )


def _price(text: str) -> Decimal | None:
    return None if text == "None" else Decimal(text)
