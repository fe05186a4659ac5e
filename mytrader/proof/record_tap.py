"""The record on the disk as somebody else sees it: what was intended, before the bytes came.

A connection of its own reads what is committed and nothing else.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mytrader.domain import commands, events
from mytrader.domain.decision import Signal
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import Instrument
from mytrader.domain.orders import OrderSpec, parse_ref
from mytrader.journal import schema
from mytrader.journal.codec import Record, Row, record_of
from mytrader.tws.place_order import PlaceOrder

_NEWS: Final = """
SELECT * FROM records WHERE sequence > ?
AND (kind != 'quote' OR payload NOT LIKE '%"commands":[]%') ORDER BY sequence
"""
"""Quotes that led to nothing are most of a record, and say nothing here."""


class RecordTap:
    """Follows one journal. Raises `JournalFault` where there is none."""

    def __init__(self, path: Path) -> None:
        self.executions: dict[str, Execution] = {}
        self._connection = schema.connect(path, write=False)
        self._sequence = 0
        self._intents: dict[str, list[OrderSpec]] = {}
        self._cancels: Counter[str] = Counter()
        self._signals: dict[str, Signal] = {}

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def objections(self, message: PlaceOrder, instrument: Instrument) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with an order's bytes against the record, with its invariant."""
        self.catch_up()
        ref = message.order_ref
        parts = parse_ref(ref)
        if parts is None or parts.cycle_id not in self._signals:
            yield "I9", f"{ref} belongs to no cycle of the record"
        intended = self._intents.get(ref)
        if not intended:
            yield "I4", f"{ref} was sent before its intent was on the disk"
        elif not any(_equal(message, spec, instrument) for spec in intended):
            yield "I4", f"{ref} was sent otherwise than it was recorded"

    def intents(self, ref: str) -> int:
        """How often an order was decided on, changes included."""
        return len(self._intents.get(ref, ()))

    def cancels(self, ref: str) -> int:
        """How often the cancel of an order was decided on."""
        self.catch_up()
        return self._cancels[ref]

    def signal(self, cycle_id: str) -> Signal | None:
        """Return what a cycle began with."""
        self.catch_up()
        return self._signals.get(cycle_id)

    def catch_up(self) -> None:
        """Read what was committed since."""
        for raw in self._connection.execute(_NEWS, (self._sequence,)).fetchall():
            row = Row._make(raw)
            self._sequence = row.sequence
            self._take(record_of(row))

    def _take(self, record: Record) -> None:
        event = record.event
        if isinstance(event, events.SignalRaised):
            self._signals[event.cycle_id] = event.signal
        elif isinstance(event, events.ExecutionReported):
            self.executions[event.execution.exec_id] = event.execution
        for command in record.commands:
            self._intend(command)

    def _intend(self, command: commands.AnyCommand) -> None:
        match command:
            case commands.PlaceBracket(approved):
                for spec in (spec for lot in approved.order.lots for spec in lot):
                    self._intents.setdefault(spec.ref, []).append(spec)
            case (
                commands.PlaceExit(approved)
                | commands.PlaceEmergencyStop(approved)
                | commands.ChangeOrder(approved)
            ):
                self._intents.setdefault(approved.order.ref, []).append(approved.order)
            case commands.CancelOrder(ref):
                self._cancels[ref] += 1
            case _:
                pass


def _equal(message: PlaceOrder, spec: OrderSpec, instrument: Instrument) -> bool:
    stop = None if spec.stop is None else instrument.price(spec.stop)
    said = (message.tif, message.outside_rth, message.trigger_method, message.transmit)
    return (
        said == (spec.tif, spec.outside_rth, spec.trigger_method, spec.transmit)
        and message.oca_group == spec.oca_group
        and (message.parent_id == 0 or spec.parent_ref is not None)
        and message.action == spec.side
        and message.quantity == spec.quantity
        and message.order_type == spec.kind
        and message.limit_price == instrument.price(spec.limit)
        and (message.aux_price or None) == stop
    )
