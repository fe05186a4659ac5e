"""Messages changed by a fault: fields set or added to, lists emptied, zones lost."""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, structs

from mytrader.errors import BadInput
from mytrader.simulator import fault_rules as effects
from mytrader.tws.fields import Message

S = TypeVar("S", bound=Struct)
_ZONE: Final = re.compile(r"^(\d{8} \d\d:\d\d:\d\d) [A-Za-z_]+(?:/[A-Za-z_]+)?$")


@cache
def field_types(message: type[Message]) -> Mapping[str, Any]:
    """Return the types of a message's fields by name."""
    return {field.name: field.type for field in structs.fields(message)}


def check_field(message: type[Message], name: str) -> None:
    """Raise `BadInput` unless messages of that type have such a field."""
    names = field_types(message)
    if name not in names:
        known = ", ".join(names)
        raise BadInput(f"{message.__name__} has no field {name!r}; its fields are {known}")


def field_value(message: type[Message], name: str, text: str) -> Any:  # noqa: ANN401 - the type of any field
    """Return `text` as the value of a field. Raises `BadInput`."""
    check_field(message, name)
    try:
        return msgspec.convert(text, field_types(message)[name], strict=False)
    except msgspec.ValidationError as error:
        raise BadInput(f"{message.__name__}.{name}: {text!r}: {error}") from None


def edit(effect: effects.Effect, message: Message) -> list[Message] | None:
    """Return what an effect makes of a message at once; `None` for effects of other kinds."""
    match effect:
        case effects.Drop():
            return []
        case effects.Alter(set=values, add=added):
            return [altered(message, values, added)]
        case effects.Empty():
            return [emptied(message)]
        case effects.Naive():
            return [without_zones(message)]
        case _:
            return None


def altered(message: Message, values: Mapping[str, str], added: Mapping[str, str]) -> Message:
    """Return the message with some fields set, and numbers added to others."""
    kind = type(message)
    changes = {name: field_value(kind, name, text) for name, text in values.items()}
    for name, text in added.items():
        before = getattr(message, name)
        if isinstance(before, int | Decimal):
            changes[name] = type(before)(before + Decimal(text))
    return structs.replace(message, **changes)


def emptied(message: Message) -> Message:
    """Return the message with every list in it empty."""
    names = structs.asdict(message)
    return structs.replace(message, **{n: () for n, v in names.items() if isinstance(v, tuple)})


def without_zones(message: S) -> S:
    """Return the message with the zone taken from every time in it, in its lists as well."""
    changes: dict[str, Any] = {}
    for name, value in structs.asdict(message).items():
        if isinstance(value, str) and (match := _ZONE.match(value)):
            changes[name] = match[1]
        elif isinstance(value, tuple):
            changes[name] = tuple(map(without_zones, value))
    return structs.replace(message, **changes) if changes else message


def field_text(value: object) -> str:
    """Return a field as a rule compares it: booleans as true or false."""
    return str(value).lower() if isinstance(value, bool) else str(value)
