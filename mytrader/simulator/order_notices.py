"""What the broker remarks on orders that it takes all the same: warnings, which end nothing.

Codes and texts: TWS-PROTOCOL.md section 8.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.simulator.listing import ZONE_NAME
from mytrader.simulator.order_rules import Problem, Terms
from mytrader.simulator.order_types import MarketKind
from mytrader.tws.place_order import PlaceOrder

QUEUED: Final = 399
OUTSIDE_RTH_IGNORED: Final = 2109
TIF_PRESET: Final = 10349


def new_order_notices(sent: PlaceOrder, terms: Terms) -> Iterator[Problem]:
    """Yield what is said of a new order as soon as it is read."""
    if not sent.tif:
        yield Problem(TIF_PRESET, "Order TIF was set to DAY based on order preset.")
    if terms.kind is MarketKind.MKT and sent.outside_rth:
        text = "Attribute 'Outside Regular Trading Hours' is ignored for the order type."
        yield Problem(OUTSIDE_RTH_IGNORED, text)


def queued_notice(terms: Terms, until: datetime) -> Problem:
    """Return what is said of an order that waits for the market to open at `until`."""
    local = until.astimezone(EXCHANGE_ZONE)
    order = f"{terms.side} {terms.quantity} {terms.contract.local_symbol}"
    when = f"{local:%Y-%m-%d %H:%M:%S} {ZONE_NAME}"
    return Problem(
        QUEUED,
        f"Order Message:\n{order}\nWarning: Your order will not be placed at the exchange until "
        f"{when}.",
    )
