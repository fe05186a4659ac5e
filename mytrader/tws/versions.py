"""What the older server version has otherwise: one table, and the layouts made from it.

Every message is declared once, as server version 178 has it (`SERVER_VERSION`). Clients such as
the broker's own `ibapi` 9.81.1 offer at most 157 (`OLDER_VERSION`); between the two, fields came
and went at the versions given here. Only the two versions are spoken: the table holds what lies
between them for the messages of this package, not the history of the protocol.

Sources: the version constants and branches of `ibapi` 9.81.1 and of `ib_async` 2.1.0, whose
encoders and decoders judge these layouts in the tests.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct, structs

from mytrader.tws.answers import ContractDetails, Problem
from mytrader.tws.errors import WireError
from mytrader.tws.fields import Message, Read, Write, reader, write_text, writer
from mytrader.tws.frames import OLDER_VERSION, SERVER_VERSION
from mytrader.tws.order_answers import CompletedOrder, ExecutionDetails, OpenOrder
from mytrader.tws.place_order import PlaceOrder
from mytrader.tws.requests import CancelOrder, RequestContractDetails


class Since(Struct, frozen=True):
    """Before `version` the message lacks `name`, which then reads as `absent`."""

    version: int
    message: type[Message]
    name: str
    absent: object


class Until(Struct, frozen=True):
    """Before `version` a field stood behind `after`, or first; it is written as `text`.

    What it holds is read past.
    """

    version: int
    message: type[Message]
    after: str
    text: str


_PEG_BEST: Final = (
    "min_trade_quantity",
    "min_compete_size",
    "compete_against_best_offset",
    "mid_offset_at_whole",
    "mid_offset_at_half",
)

CHANGES: Final[tuple[Since | Until, ...]] = (
    Since(158, PlaceOrder, "duration", ""),
    Since(160, PlaceOrder, "post_to_ats", ""),
    Since(162, PlaceOrder, "auto_cancel_parent", "0"),
    Since(166, PlaceOrder, "advanced_error_override", ""),
    Since(169, PlaceOrder, "manual_order_time", ""),
    Until(177, PlaceOrder, "fa_percentage", ""),
    Since(169, CancelOrder, "manual_time", ""),
    Since(176, RequestContractDetails, "issuer_id", ""),
    Until(164, ContractDetails, "", "8"),  # the message's own version
    Until(164, ContractDetails, "min_tick", "1"),  # multiplier of sizes, 1 for futures
    Since(164, ContractDetails, "min_size", Decimal(1)),
    Since(164, ContractDetails, "size_increment", Decimal(1)),
    Since(164, ContractDetails, "suggested_size_increment", Decimal(1)),
    Since(166, Problem, "advanced_reject", ""),
    Since(159, OpenOrder, "duration", ""),
    Since(160, OpenOrder, "post_to_ats", ""),
    Since(162, OpenOrder, "auto_cancel_parent", "0"),
    *(Since(170, OpenOrder, name, "") for name in _PEG_BEST),
    Until(177, OpenOrder, "fa_percentage", ""),
    *(Since(170, CompletedOrder, name, "") for name in _PEG_BEST),
    Until(177, CompletedOrder, "fa_percentage", ""),
    Since(178, ExecutionDetails, "pending_price_revision", False),
)


class _Place(Struct, frozen=True):
    """One position of an older message: a field of ours, or a text that only it has."""

    name: str
    write: Write
    read: Read


class OlderLayout:
    """The wire form of a message's fields at `OLDER_VERSION`; stands where a `Layout` does."""

    def __init__(self, message: type[Message]) -> None:
        self.struct = message
        changes = [each for each in CHANGES if each.message is message]
        self._absent: dict[str, Any] = {
            each.name: each.absent for each in changes if isinstance(each, Since)
        }
        former = {each.after: each.text for each in changes if isinstance(each, Until)}
        self._places = _places(message, without=self._absent, former=former)
        self.names: Final = tuple(each.name for each in self._places)

    def write(self, value: Message) -> str:
        """Return the fields of `value`, joined by NUL. Raises `WireError`."""
        return "\0".join([place.write(getattr(value, place.name, None)) for place in self._places])

    def read(self, fields: Sequence[str]) -> Message:
        """Return the message that `fields` hold, no more and no less. Raises `WireError`."""
        rest = iter(fields)
        read = {place.name: place.read(rest) for place in self._places}
        if next(rest, None) is not None:
            raise WireError(f"{len(fields)} fields are more than the message has")
        read.pop("", None)
        return self.struct(**read, **self._absent)


CHANGED: Final = frozenset(each.message for each in CHANGES)
"""The messages that differ between the two versions."""


def is_older(version: int) -> bool:
    """Say which of the two versions is spoken. Raises `WireError` for any other."""
    if version not in (SERVER_VERSION, OLDER_VERSION):
        raise WireError(f"version {version} where {SERVER_VERSION} or {OLDER_VERSION} belongs")
    return version == OLDER_VERSION


def _places(
    message: type[Message], *, without: dict[str, Any], former: dict[str, str]
) -> list[_Place]:
    places = [_former(former[""])] if "" in former else []
    for field in structs.fields(message):
        if field.name not in without:
            places.append(_Place(field.name, writer(field.type), reader(field.type)))
        if field.name in former:
            places.append(_former(former[field.name]))
    return places


def _former(text: str) -> _Place:
    def write(value: object) -> str:
        del value  # no message of today has one
        return text

    def read(fields: Iterator[str]) -> str:
        told = next(fields, None)
        if told is None:
            raise WireError("the message ends too early")
        return write_text(told)

    return _Place("", write, read)
