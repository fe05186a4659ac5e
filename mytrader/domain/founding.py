"""The facts of the loss of 2025-12-12: what memory and lessons hold of it are the same figures.

Source: the order history and the postmortem of that day. Order 14812 was meant to flatten a short
that was not there and bought one contract, without stop and target, against an advisor's WAIT;
order 15638 sold it. The history holds no commissions, so the net result is the gross one.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from mytrader.domain.orders import Side

FOUNDING_ID: Final = "incident-2025-12-12-14812"
"""What stands for its cycle id: the trade had none."""

SYMBOL: Final = "ES"
CONTRACT: Final = "ESZ5"
SIDE: Final = Side.BUY
QUANTITY: Final = 1
ENTRY: Final = Decimal("6890.50")
EXIT: Final = Decimal("6856.50")
SENT_AT: Final = datetime(2025, 12, 12, 14, 53, 13, tzinfo=UTC)
"""08:53:13 US Central: when order 14812 went out."""

FILLED_AT: Final = datetime(2025, 12, 12, 14, 53, 20, tzinfo=UTC)
CLOSED_AT: Final = datetime(2025, 12, 12, 15, 35, 22, tzinfo=UTC)
"""09:35:22 US Central: the fill of order 15638."""

NET_USD: Final = Decimal("-1700.00")
