"""How a struct is written as text fields, derived from its attributes and their types.

| annotation           | on the wire                                                          |
| -------------------- | -------------------------------------------------------------------- |
| `str`                | the text itself; it cannot hold a NUL                                 |
| `int`, `bool`        | digits; `1` or `0`                                                   |
| `Decimal`            | any finite number that a client may write, `1e-05` included          |
| `int` or None        | empty or 2147483647 is None: the protocol's "not set"                |
| `Decimal` or None    | empty or 1.7976931348623157E308 is None                              |
| `Literal[...]`       | that text and no other: a position whose other values change the layout |
| a struct             | its own fields in place                                              |
| `tuple[struct, ...]` | how many, then the fields of each                                    |
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from types import UnionType
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct, structs

from mytrader.tws.errors import WireError

UNSET_INTEGER: Final = 2**31 - 1
UNSET_DOUBLE_TEXT: Final = "1.7976931348623157E308"
INTEGER_MAX: Final = 2**63 - 1
EXPONENT_MAX: Final = 300
"""A number with an exponent beyond this is the "not set" of a double, or nonsense."""

TEXTS_REMEMBERED: Final = 4096
"""Parsed texts that are kept: a market repeats the same prices, sizes and ids all day."""

NUMBER_CHARACTERS_MAX: Final = 64
"""Longer digits are nonsense, and would be remembered."""

Write = Callable[[Any], str]
Read = Callable[[Iterator[str]], Any]
Parse = Callable[[str], Any]

S = TypeVar("S", bound=Struct)


class Message(Struct, frozen=True):
    """One message. `ID` is its first field, `VERSION` its second where the message has one."""

    ID: ClassVar[int] = 0
    VERSION: ClassVar[int | None] = None


def write_text(value: str) -> str:
    """Return `value`, which must not hold the NUL that would split it."""
    if "\0" in value:
        raise WireError(f"{value[:40]!r} holds a NUL, which ends a field")
    return value


@lru_cache(maxsize=TEXTS_REMEMBERED)
def parse_integer(text: str) -> int:
    """Return the integer in `text`; raises `WireError`."""
    if len(text) > NUMBER_CHARACTERS_MAX:
        raise WireError(f"an integer of {len(text)} characters is not one of this protocol")
    try:
        value = int(text)
    except ValueError:
        raise WireError(f"{text[:40]!r} is not an integer") from None
    if "_" in text or not text.isascii() or not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise WireError(f"{text[:40]!r} is not an integer of this protocol")
    return value


def parse_number(text: str) -> Decimal:
    """Return the finite number in `text`; raises `WireError`."""
    value = _parse_optional_number(text)
    if value is None:
        raise WireError(f"{text[:40]!r} is not a number")
    return value


def _write_boolean(value: bool) -> str:
    return "1" if value else "0"


def _parse_boolean(text: str) -> bool:
    if text == "1":
        return True
    if text == "0":
        return False
    raise WireError(f"{text[:40]!r} is neither 1 nor 0")


def _write_number(value: Decimal) -> str:
    text = str(value)
    # Plain digits need no check; only an exponent or a word (NaN, Infinity) can be too much.
    if "E" in text or "N" in text or "I" in text:
        _check_sendable(value)
    return text


def _check_sendable(value: Decimal) -> None:
    if not value.is_finite() or (value and abs(value.adjusted()) > EXPONENT_MAX):
        raise WireError(f"{value} cannot be sent as a number")


def _write_optional_integer(value: int | None) -> str:
    return "" if value is None else str(value)


def _write_optional_number(value: Decimal | None) -> str:
    return "" if value is None else _write_number(value)


def _parse_optional_integer(text: str) -> int | None:
    if not text:
        return None
    value = parse_integer(text)
    return None if value == UNSET_INTEGER else value


@lru_cache(maxsize=TEXTS_REMEMBERED)
def _parse_optional_number(text: str) -> Decimal | None:
    if not text:
        return None
    if len(text) > NUMBER_CHARACTERS_MAX:
        raise WireError(f"a number of {len(text)} characters is not one of this protocol")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise WireError(f"{text[:40]!r} is not a number") from None
    if "_" in text or not text.isascii() or not value.is_finite():
        raise WireError(f"{text[:40]!r} is not a number of this protocol")
    exponent = value.adjusted() if value else 0
    if exponent < -EXPONENT_MAX:
        raise WireError(f"{text[:40]!r} is not a number of this protocol")
    return None if exponent > EXPONENT_MAX else value


def _parse_text(text: str) -> str:
    return text


_LEAVES: Final[dict[Any, tuple[Write, Parse]]] = {
    str: (write_text, _parse_text),
    int: (str, parse_integer),
    bool: (_write_boolean, _parse_boolean),
    Decimal: (_write_number, parse_number),
    int | None: (_write_optional_integer, _parse_optional_integer),
    Decimal | None: (_write_optional_number, _parse_optional_number),
}


class Layout(Generic[S]):
    """The wire form of one struct type, read from its declaration once.

    `write` and `read` handle the struct's fields alone; message id and version are the codec's.
    """

    def __init__(self, struct: type[S]) -> None:
        self.struct = struct
        self.names: Final = tuple(field.name for field in structs.fields(struct))
        types = [field.type for field in structs.fields(struct)]
        self._writes: Final = [writer(each) for each in types]
        self._reads: Final = [reader(each) for each in types]
        leaves = [_leaf(each) for each in types]
        self._parses: Final = [leaf[1] for leaf in leaves if leaf is not None]
        self._flat: Final = len(self._parses) == len(types)

    def write(self, value: S) -> str:
        """Return the fields of `value`, joined by NUL. Raises `WireError`."""
        return "\0".join(
            [write(each) for write, each in zip(self._writes, structs.astuple(value), strict=True)]
        )

    def read(self, fields: Sequence[str]) -> S:
        """Return the struct that `fields` hold, no more and no less. Raises `WireError`."""
        if self._flat:
            if len(fields) != len(self._parses):
                raise WireError(f"{len(fields)} fields where {len(self._parses)} belong")
            return self.struct(
                *[parse(each) for parse, each in zip(self._parses, fields, strict=True)]
            )
        rest = iter(fields)
        value = self.take(rest)
        if next(rest, None) is not None:
            raise WireError(f"{len(fields)} fields are more than the message has")
        return value

    def take(self, fields: Iterator[str]) -> S:
        """Return the struct at the head of `fields`, leaving the rest."""
        return self.struct(*[read(fields) for read in self._reads])


def _leaf(annotation: Any) -> tuple[Write, Parse] | None:  # noqa: ANN401 - a type, of any form
    if get_origin(annotation) is Literal:
        return _constant(get_args(annotation)[0])
    return _LEAVES.get(annotation)


def _constant(value: str | int) -> tuple[Write, Parse]:
    only = str(value)

    def write(sent: str | int) -> str:
        if sent != value:
            raise WireError(f"{sent!r} stands where only {only!r} is supported")
        return only

    def parse(text: str) -> str | int:
        if text != only:
            raise WireError(f"{text[:40]!r} stands where only {only!r} is supported")
        return value

    return write, parse


def writer(annotation: Any) -> Write:  # noqa: ANN401 - a type, of any form
    """Return what writes a field of this type. Raises `TypeError` for one without a wire form."""
    leaf = _leaf(annotation)
    if leaf is not None:
        return leaf[0]
    item, repeated = _composite(annotation)
    layout = Layout(item)
    if not repeated:
        return layout.write

    def write(items: Sequence[Struct]) -> str:
        return "\0".join([str(len(items)), *[layout.write(each) for each in items]])

    return write


def reader(annotation: Any) -> Read:  # noqa: ANN401 - a type, of any form
    """Return what takes a field of this type from the head of the fields that are left."""
    leaf = _leaf(annotation)
    if leaf is not None:
        return _one_field(leaf[1])
    item, repeated = _composite(annotation)
    layout = Layout(item)
    if not repeated:
        return layout.take
    count = _one_field(parse_integer)

    def read(fields: Iterator[str]) -> tuple[Struct, ...]:
        # An absurd count ends at the first missing field, so it costs nothing.
        return tuple(layout.take(fields) for _ in range(count(fields)))

    return read


def _one_field(parse: Parse) -> Read:
    def read(fields: Iterator[str]) -> object:
        text = next(fields, None)
        if text is None:
            raise WireError("the message ends too early")
        return parse(text)

    return read


def _composite(annotation: Any) -> tuple[type[Struct], bool]:  # noqa: ANN401 - a type, of any form
    repeated = get_origin(annotation) is tuple
    item = get_args(annotation)[0] if repeated else annotation
    if isinstance(item, UnionType) or not issubclass(item, msgspec.Struct):
        raise TypeError(f"{annotation} has no wire form")
    return item, repeated
