"""Questions about margin: an order that is only looked at. It enters no book and cannot trade."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import structs

from mytrader.simulator import order_rules as rules
from mytrader.simulator.broker import Broker
from mytrader.simulator.broker_orders import BrokerOrder
from mytrader.simulator.faults import Faults, WhatIfFault
from mytrader.simulator.margins import account_margin_usd, initial_margin_usd
from mytrader.simulator.order_reports import open_order
from mytrader.simulator.order_rules import Problem, Terms
from mytrader.tws import answers
from mytrader.tws.fields import UNSET_DOUBLE_TEXT, Message
from mytrader.tws.place_order import PlaceOrder

_CENT: Final = Decimal("0.01")
_FIGURES: Final = (
    "init_margin_before",
    "maint_margin_before",
    "equity_with_loan_before",
    "init_margin_change",
    "maint_margin_change",
    "equity_with_loan_change",
    "init_margin_after",
    "maint_margin_after",
    "equity_with_loan_after",
)
_WORDLESS: Final = {WhatIfFault.SENTINEL: UNSET_DOUBLE_TEXT, WhatIfFault.EMPTY: ""}


class MarginDesk:
    """Answers from the ledger and the margin table; maintenance is as high as initial margin.

    The number of a question is used up: no order may be placed under it later, and the number
    of an order is no question's.
    """

    def __init__(self, broker: Broker, faults: Faults) -> None:
        self._broker = broker
        self._faults = faults

    def set_faults(self, faults: Faults) -> None:
        """Commit these faults from now on."""
        self._faults = faults

    def answer(self, client_id: int, asked: PlaceOrder) -> Message | None:
        """Return what the client hears, `None` for the silence that a fault asks for."""
        if not self._broker.orders.claim_id(client_id, asked.order_id):
            return answers.Problem(asked.order_id, rules.DUPLICATE_ID, "Duplicate order id")
        terms = self._broker.judge(structs.replace(asked, what_if=False))
        if isinstance(terms, Problem):
            return answers.Problem(asked.order_id, terms.code, terms.text)
        if self._faults.what_if is WhatIfFault.SILENT:
            return None
        order = BrokerOrder(perm_id=0, client_id=client_id, sent=asked, terms=terms)
        shown = open_order(order, self._broker.ledger.account, parent_id=0)
        figures = self._figures(terms)
        return structs.replace(shown, what_if=True, status="PreSubmitted", **figures)

    def _figures(self, terms: Terms) -> Mapping[str, str]:
        if self._faults.what_if is not None:
            return dict.fromkeys(_FIGURES, _WORDLESS[self._faults.what_if])
        ledger = self._broker.ledger
        instrument = terms.contract.instrument
        held = ledger.position(terms.contract.con_id)
        then = held + terms.side.sign * terms.quantity
        change = initial_margin_usd(instrument, then) - initial_margin_usd(instrument, held)
        before = account_margin_usd(ledger)
        equity = ledger.cash_usd + ledger.unrealised_usd(self._broker.last_prices())
        amounts = (before, before, equity, change, change, Decimal(0))
        after = (before + change, before + change, equity)
        texts = (str(each.quantize(_CENT)) for each in (*amounts, *after))
        return dict(zip(_FIGURES, texts, strict=True))
