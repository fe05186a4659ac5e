"""What this broker accepts as an order, and the error it answers otherwise.

Error codes: TWS-PROTOCOL.md section 8.
"""

from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final

from msgspec import Struct, structs

from mytrader.domain.instrument import FuturesContract, Instrument, OffGridError
from mytrader.domain.orders import Side, TimeInForce
from mytrader.simulator.listing import Listing
from mytrader.simulator.margins import PROTECTION_TICKS
from mytrader.simulator.matching import ExchangeOrder
from mytrader.simulator.order_types import (
    LIMITED,
    STOPS,
    DatedLife,
    Kind,
    Life,
    TriggerMethod,
    kind_of,
    life_of,
)
from mytrader.simulator.times import read_time
from mytrader.tws.errors import WireError
from mytrader.tws.place_order import PlaceOrder

ORDER_REJECTED: Final = 201
NO_CONTRACT: Final = 200
DUPLICATE_ID: Final = 103
MODIFY_FILLED: Final = 104
MODIFY_MISMATCH: Final = 105
OFF_GRID: Final = 110
PARENT_UNKNOWN: Final = 135
NOT_CANCELLABLE: Final = 161
CANCELLED: Final = 202
VALIDATION: Final = 321
MODIFY_TYPE: Final = 329
SIZE_ZERO: Final = 434
CANCEL_UNKNOWN: Final = 10147
CANCEL_TOO_LATE: Final = 10148

QUANTITY_MAX: Final = 100_000
ACTIVE_ORDERS_MAX: Final = 20
"""Active orders that the broker takes per contract and side of an account (SAFETY.md B13)."""


class OcaType(IntEnum):
    """What a fill does to the other orders of its group (SAFETY.md B2).

    With block only one order of the group is at the exchange at a time, so no two can fill
    together; without block they can, until the broker's cancel has arrived.
    """

    CANCEL_WITH_BLOCK = 1
    REDUCE_WITH_BLOCK = 2
    REDUCE_WITHOUT_BLOCK = 3


class Problem(Struct, frozen=True):
    """An answer that is not the wished one: the broker's code and text."""

    code: int
    text: str


class Terms(Struct, frozen=True):
    """What an order asks of the exchange; prices in ticks.

    `limit` is 0 and says nothing for the types without one. `expires_at` ends a GTD order (UTC).
    `oca_group` is the one-cancels-all group, "" if there is none, and then `oca_type` says
    nothing.
    """

    contract: FuturesContract
    side: Side
    quantity: int
    kind: Kind
    limit: int
    stop: int | None
    tif: Life
    outside_rth: bool
    oca_group: str = ""
    oca_type: OcaType = OcaType.REDUCE_WITHOUT_BLOCK
    trigger: TriggerMethod = TriggerMethod.DEFAULT
    expires_at: datetime | None = None

    def exchange_order(
        self, perm_id: int, *, block: str = "", simulated: bool = False
    ) -> ExchangeOrder:
        """Return the order as the exchange sees it; `block` is its group with block.

        `simulated` is true of a stop that the broker keeps until it is triggered.
        """
        return ExchangeOrder(
            order_id=perm_id,
            side=self.side,
            quantity=self.quantity,
            kind=self.kind,
            limit=self.limit,
            stop=self.stop,
            tif=self.tif,
            outside_rth=self.outside_rth,
            block=block,
            protection=PROTECTION_TICKS[self.contract.instrument.symbol],
            simulated=simulated,
            trigger=self.trigger,
        )


# Fields that change what an order means and that this broker does not carry out. An order that
# uses one is refused: carried out without it, it would be another order.
_MUST_BE_DEFAULT: Final = (
    "sec_id_type",
    "sec_id",
    "origin",
    "block_order",
    "sweep_to_fill",
    "hidden",
    "good_after_time",
    "fa_group",
    "fa_method",
    "fa_percentage",
    "all_or_none",
    "min_quantity",
    "percent_offset",
    "trail_stop_price",
    "trailing_percent",
    "active_start_time",
    "active_stop_time",
    "what_if",
    "adjusted_order_type",
    "trigger_price",
    "adjusted_stop_price",
    "cash_quantity",
    "duration",
)
_DEFAULTS: Final = {
    field.name: field.default
    for field in structs.fields(PlaceOrder)
    if field.name in _MUST_BE_DEFAULT
}

# What the broker writes for nothing at all, and clients send back when they change an order that
# they know from it alone (TWS-PROTOCOL.md 6.2).
_ECHOED: Final = {"adjusted_order_type": "None", "cash_quantity": Decimal(0)}


class Rules:
    """Reads orders for one account against what is listed; `days` is the exchange's calendar."""

    def __init__(self, listing: Listing, account: str) -> None:
        self.days = listing.days
        self._listing = listing
        self._account = account

    def read(self, order: PlaceOrder) -> Terms | Problem:
        """Return what `order` asks, or why it is refused."""
        contracts = self._listing.find(order.contract)
        if len(contracts) != 1:
            found = "No" if not contracts else "Ambiguous"
            return Problem(NO_CONTRACT, f"{found} security definition for the request")
        checks = (_check_fields, _check_quantity, _check_choices, _check_type)
        for check in (self._check_account, *checks):
            problem = check(order)
            if problem is not None:
                return problem
        return _priced(order, contracts[0])

    def _check_account(self, order: PlaceOrder) -> Problem | None:
        if order.account in ("", self._account):
            return None
        return _invalid(f"account {order.account!r} is not {self._account}")


def _invalid(text: str) -> Problem:
    return Problem(VALIDATION, f"Error validating request: {text}")


def _check_fields(order: PlaceOrder) -> Problem | None:
    if order.oca_type not in (0, *OcaType):
        return _invalid(f"OCA type {order.oca_type} is not 1, 2 or 3")
    for name, default in _DEFAULTS.items():
        if getattr(order, name) not in (default, _ECHOED.get(name, default)):
            return _invalid(f"{name} is not supported, got {getattr(order, name)!r}")
    return None


def _check_quantity(order: PlaceOrder) -> Problem | None:
    quantity = order.quantity
    if quantity == 0:
        return Problem(SIZE_ZERO, "The order size cannot be zero.")
    if quantity != quantity.to_integral_value() or not 0 < quantity <= QUANTITY_MAX:
        return _invalid(f"quantity {quantity} is not a whole number of contracts")
    return None


def _check_choices(order: PlaceOrder) -> Problem | None:
    if order.action not in list(Side):
        return _invalid(f"action {order.action!r} is not BUY or SELL")
    if order.tif and life_of(order.tif) is None:
        return _invalid(f"time in force {order.tif!r} is not DAY, GTC or GTD")
    if bool(order.good_till_date) != (order.tif == DatedLife.GTD):
        return _invalid("a good-till date and the time in force GTD need each other")
    if order.trigger_method not in list(TriggerMethod):
        return _invalid(f"trigger method {order.trigger_method} is not known")
    return None


def _check_type(order: PlaceOrder) -> Problem | None:
    kind = kind_of(order.order_type)
    if kind is None:
        return _invalid(f"order type {order.order_type!r} is not MKT, LMT, STP or STP LMT")
    if kind in LIMITED and order.limit_price is None:
        return _invalid("the order needs a limit price")
    if kind in STOPS and order.aux_price is None:
        return _invalid("the order needs a stop price")
    return None


def _priced(order: PlaceOrder, contract: FuturesContract) -> Terms | Problem:
    ticks = contract.instrument.ticks
    kind = kind_of(order.order_type)
    if kind is None:
        return _invalid(f"order type {order.order_type!r} is not known")
    try:
        limit = ticks(order.limit_price or Decimal(0)) if kind in LIMITED else 0
        stop = ticks(order.aux_price or Decimal(0)) if kind in STOPS else None
        expires_at = read_time(order.good_till_date) if order.good_till_date else None
    except OffGridError:
        text = "The price does not conform to the minimum price variation for this contract."
        return Problem(OFF_GRID, text)
    except WireError as error:
        return _invalid(f"good-till date: {error}")
    return Terms(
        contract=contract,
        side=Side(order.action),
        quantity=int(order.quantity),
        kind=kind,
        limit=limit,
        stop=stop,
        tif=life_of(order.tif) or TimeInForce.DAY,
        outside_rth=order.outside_rth,
        oca_group=order.oca_group,
        oca_type=OcaType(order.oca_type or OcaType.REDUCE_WITHOUT_BLOCK),
        trigger=TriggerMethod(order.trigger_method),
        expires_at=expires_at,
    )


def change_problem(
    old: PlaceOrder, new: PlaceOrder, *, terms: Terms, before: Terms
) -> Problem | None:
    """Return why `new` cannot take the place of the live order `old`, `None` if it can."""
    if (terms.contract, terms.side) != (before.contract, before.side):
        return Problem(MODIFY_MISMATCH, "Order being modified does not match the original order.")
    if new.parent_id not in (0, old.parent_id) or new.order_ref != old.order_ref:
        return Problem(MODIFY_MISMATCH, "Order being modified does not match the original order.")
    if (terms.oca_group, terms.oca_type) != (before.oca_group, before.oca_type):
        return Problem(MODIFY_MISMATCH, "OCA group revision is not allowed.")
    if terms.kind is not before.kind:
        return Problem(MODIFY_TYPE, "Order modify failed. Cannot change to the new order type.")
    return None


def marketable_stop(terms: Terms, last: int | None) -> bool:
    """Whether a stop at these terms would be triggered by a last price in ticks."""
    if terms.stop is None or last is None:
        return False
    return terms.side.sign * (last - terms.stop) >= 0


def commission_usd(instrument: Instrument, quantity: int) -> Decimal:
    """Return what the broker takes for a fill, dollars."""
    return instrument.commission_usd_per_side * quantity
