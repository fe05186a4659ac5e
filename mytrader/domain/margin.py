"""Margin: what an entry would do to the account, as the broker states it before the entry."""

from decimal import Decimal

from msgspec import Struct


class Margin(Struct, frozen=True):
    """The account with an entry filled: initial margin and equity with loan, dollars."""

    initial_usd: Decimal
    equity_usd: Decimal
