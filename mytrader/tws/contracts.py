"""Contracts as the wire writes them: one list of fields for requests, a shorter one for orders."""

from msgspec import Struct


class WireContract(Struct, frozen=True):
    """The twelve contract fields of a request; empty text or 0 leaves a field open."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    expiry: str = ""
    strike: str = "0.0"
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""


class OrderContract(Struct, frozen=True):
    """The eleven contract fields of an answer about an order, an execution or a position.

    In a portfolio line the place of `exchange` holds the primary exchange.
    """

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    expiry: str = ""
    strike: str = "0"
    right: str = "?"
    multiplier: str = ""
    exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""
