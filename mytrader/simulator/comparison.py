"""Plays the clients of a recording to the simulator and says where its answers differ.

The simulated gateway gets the recorded contract, account, clock and quotes, under virtual time;
each client's bytes arrive when they arrived then. Compared is what a trading client acts on, by
subject: for each order the sequence of its states, errors and fills, for each request the kinds of
answers, for the rest the kinds of messages and notices. Values that belong to the world and not to
the gateway (prices, ids, account values) are not compared, nor is a repetition.

Before that, two things need no simulation: messages of the real gateway that our layouts cannot
read, and requests that ours do not know.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.recorded_session import Conversation, Said, Stage, conversations, stage
from mytrader.simulator.recording import read_recording
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.tws import answers, codec, frames, order_answers
from mytrader.tws.fields import Message
from mytrader.tws.place_order import PlaceOrder

AFTERWARDS: Final = timedelta(seconds=30)
"""Simulated time after the last byte, for answers that are still on their way."""

_WORLD: Final = (
    answers.TickPrice,
    answers.TickSize,
    answers.TickGeneric,
    answers.TickString,
    answers.TickRequestParameters,
    answers.MarketDataType,
    answers.HistoricalDataUpdate,
    answers.RealTimeBar,
    answers.AccountValue,
    answers.PortfolioValue,
    answers.AccountTime,
    answers.AccountSummary,
    answers.AccountUpdateMulti,
    answers.Profit,
    answers.ProfitSingle,
    answers.NextValidId,
    answers.CurrentTime,
)
"""What the market and the account look like: not the gateway's behaviour."""


class Difference(Struct, frozen=True):
    """One subject of one connection, with what the gateway said and what the simulator says."""

    connection: int
    subject: str
    recorded: tuple[str, ...]
    simulated: tuple[str, ...]


class Comparison(Struct, frozen=True):
    """What a recording shows. `unread` and `unknown` name a message with its count and reason."""

    connections: int
    messages: int
    quotes: int
    subjects: int
    unread: tuple[str, ...]
    unknown: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def alike(self) -> bool:
        """Whether nothing differs."""
        return not (self.unread or self.unknown or self.differences)


def compare(path: Path, faults: Faults = Faults()) -> Comparison:  # noqa: B008 - frozen
    """Return where the simulator would have answered otherwise. Raises `BadInput`.

    `faults` are committed meanwhile: which of them explains what was recorded?
    """
    talks = conversations(read_recording(path))
    where = stage(talks)
    simulated = _simulate(talks, where, faults)
    differences: list[Difference] = []
    subjects = 0
    for talk in talks:
        orders = {
            said.message.order_id for said in talk.asked if isinstance(said.message, PlaceOrder)
        }
        then, now = _facts(talk.answered, orders), _facts(simulated[talk.number], orders)
        names = sorted({*then, *now})
        subjects += len(names)
        differences += [
            Difference(talk.number, name, then.get(name, ()), now.get(name, ()))
            for name in names
            if then.get(name, ()) != now.get(name, ())
        ]
    return Comparison(
        len(talks),
        sum(len(talk.asked) + len(talk.answered) for talk in talks),
        len(where.ticks),
        subjects,
        _counted([said for talk in talks for said in talk.answered]),
        _counted([said for talk in talks for said in talk.asked]),
        tuple(differences),
    )


def _counted(messages: Sequence[Said]) -> tuple[str, ...]:
    counts = Counter(
        f"message {said.message_id} with {said.fields} fields: {said.unread}"
        for said in messages
        if said.message is None
    )
    return tuple(f"{what} ({count} times)" for what, count in sorted(counts.items()))


# The simulation


class _Wire(asyncio.Transport):
    """Stands where a connection has its socket, and keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:  # noqa: ANN401 - any kind of bytes
        self.written += bytes(data)

    def close(self) -> None:
        """Do nothing: the recording says when the client went."""


def _simulate(
    talks: Sequence[Conversation], where: Stage, faults: Faults
) -> dict[int, tuple[Said, ...]]:
    epoch = min(chunk.at for talk in talks for chunk in talk.sent) + where.shift

    async def play(loop: VirtualLoop) -> dict[int, bytes]:
        failures: list[BaseException] = []
        runtime = VirtualRuntime(loop, lambda _, error: failures.append(error), seed=0)
        gateway = SimulatedGateway(
            [SimulatedMarket(where.contract, where.ticks, where.history)],
            runtime,
            settings=GatewaySettings(account=where.account, faults=faults),
        )
        wires = {talk.number: _Wire() for talk in talks}
        over = asyncio.Event()
        last = epoch
        for talk in talks:
            last = max(
                last, _schedule(talk, gateway, runtime, wire=wires[talk.number], where=where)
            )
        runtime.call_at(last + AFTERWARDS, over.set)
        await over.wait()
        if failures:
            raise failures[0]
        return {number: wire.written for number, wire in wires.items()}

    written = run_virtual(play, epoch=epoch - timedelta(seconds=1))
    return {talk.number: _read(written[talk.number], talk.version) for talk in talks}


def _schedule(
    talk: Conversation,
    gateway: SimulatedGateway,
    runtime: VirtualRuntime,
    *,
    wire: _Wire,
    where: Stage,
) -> datetime:
    """Let a client's bytes arrive at their times; return the time of the last."""
    connection = gateway.protocol_factory()
    connection.connection_made(wire)
    at = runtime.now()
    for chunk in talk.sent:
        # Equal times keep their order: each arrival is later than the one before it.
        at = max(at + timedelta(microseconds=10), chunk.at + where.shift)
        runtime.call_at(at, lambda data=chunk.data: connection.data_received(data))  # type: ignore[misc]  # mypy cannot see the default
    runtime.call_at(at + AFTERWARDS, lambda: connection.connection_lost(None))
    return at


def _read(written: bytes, version: int) -> tuple[Said, ...]:
    bodies = frames.FrameReader().feed(written)[1:]
    start = datetime.min  # noqa: DTZ901 - when is not compared
    return tuple(
        Said(start, codec.decode_answer(body, version), 0, body.count(b"\0")) for body in bodies
    )


# What is compared


def _facts(answered: Sequence[Said], orders: AbstractSet[int]) -> dict[str, tuple[str, ...]]:
    """Return by subject what was said about it, repetitions left out.

    `orders` are the ids that were orders; an error about any other is about a request.
    """
    by_subject: dict[str, list[str]] = {}
    executions: dict[str, str] = {}
    for said in answered:
        if said.message is None or isinstance(said.message, _WORLD):
            continue
        subject, fact = _fact(said.message, executions, orders)
        facts = by_subject.setdefault(subject, [])
        if fact not in facts:
            facts.append(fact)
    by_subject["the session"] = sorted(by_subject.get("the session", []))
    return {subject: tuple(facts) for subject, facts in by_subject.items()}


def _fact(
    message: Message, executions: dict[str, str], orders: AbstractSet[int]
) -> tuple[str, str]:
    """Return the subject of a message and what it says of it."""
    match message:
        case order_answers.OrderStatus():
            held = f", held: {message.why_held}" if message.why_held else ""
            done = f"{message.filled}/{message.filled + message.remaining}"
            return f"order {message.order_id}", f"status {message.status} {done}{held}"
        case order_answers.OpenOrder():
            return f"order {message.order_id}", f"open {message.status}"
        case order_answers.ExecutionDetails():
            subject = f"order {message.order_id}"
            executions[message.exec_id] = subject
            return subject, f"fill {message.side} {message.cumulative_quantity}"
        case order_answers.CommissionReport():
            return executions.get(message.exec_id, "the session"), "commission"
        case answers.Problem():
            kind = "order" if message.subject in orders else "request"
            subject = f"{kind} {message.subject}" if message.subject > 0 else "the session"
            return subject, f"error {message.code}"
    req_id = getattr(message, "req_id", None)
    subject = "the session" if req_id is None else f"request {req_id}"
    return subject, type(message).__name__


def comparison_lines(found: Comparison) -> list[str]:
    """Return the findings for people."""
    counts = (
        f"{found.connections} connections, {found.messages} messages, {found.quotes} quotes, "
        f"{found.subjects} subjects compared"
    )
    lines = [counts]
    lines += [f"unread answer: {each}" for each in found.unread]
    lines += [f"unknown request: {each}" for each in found.unknown]
    for each in found.differences:
        lines.append(f"connection {each.connection}, {each.subject}")
        lines.append(f"  recorded:  {' > '.join(each.recorded) or 'nothing'}")
        lines.append(f"  simulated: {' > '.join(each.simulated) or 'nothing'}")
    lines.append("alike" if found.alike else f"{len(found.differences)} subjects differ")
    return lines
