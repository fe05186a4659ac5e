"""Order types and lives that this broker takes beyond those that the project itself sends."""

from enum import IntEnum, StrEnum

from mytrader.domain.orders import OrderKind, TimeInForce


class MarketKind(StrEnum):
    """Types that end in a market order, which CME turns into a protected limit."""

    MKT = "MKT"
    STP = "STP"


class DatedLife(StrEnum):
    """A life that ends at a time of its own."""

    GTD = "GTD"


class TriggerMethod(IntEnum):
    """What a simulated stop watches (TWS-PROTOCOL.md 7.5)."""

    DEFAULT = 0
    DOUBLE_BID_ASK = 1
    LAST = 2
    DOUBLE_LAST = 3
    BID_ASK = 4
    LAST_OR_BID_ASK = 7
    MIDPOINT = 8


Kind = OrderKind | MarketKind
Life = TimeInForce | DatedLife

STOPS = (OrderKind.STP_LMT, MarketKind.STP)
LIMITED = (OrderKind.LMT, OrderKind.STP_LMT)
_KINDS: dict[str, Kind] = {each.value: each for each in (*OrderKind, *MarketKind)}
_LIVES: dict[str, Life] = {each.value: each for each in (*TimeInForce, *DatedLife)}


def kind_of(text: str) -> Kind | None:
    """Return the order type of that name, `None` for one that is not taken."""
    return _KINDS.get(text)


def life_of(text: str) -> Life | None:
    """Return the time in force of that name, `None` for one that is not taken."""
    return _LIVES.get(text)
