"""Profit over the wire: of the account, and of one position.

Daily profit is what net liquidation has gained since the settlement of the day before; it is told
when it is asked for, after every fill, and about once a second while the market moves. Profit of
one contract counts what its trades gained, commissions paid.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.simulator.broker import Broker
from mytrader.simulator.connection import ClientConnection, Handler
from mytrader.simulator.order_rules import VALIDATION
from mytrader.tws import answers, requests
from mytrader.tws.fields import Message

EVERY: Final = timedelta(seconds=1)
UNKNOWN: Final = 300
_NONE: Final = Decimal(0)


class _Wish(Struct):
    """What one request wants to hear of (`None`: the account), and what it heard last."""

    con_id: int | None
    told: Message | None = None


class ProfitDesk:
    """Answers requests about profit."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._wishes: dict[tuple[ClientConnection, int], _Wish] = {}
        self._next_at: datetime | None = None

    @property
    def handlers(self) -> Mapping[type[Message], Handler]:
        """Return what this desk answers."""
        return {
            requests.RequestProfit: self._account,
            requests.CancelProfit: self._cancel,
            requests.RequestProfitSingle: self._single,
            requests.CancelProfitSingle: self._cancel,
        }

    def advance(self, at: datetime) -> None:
        """Tell what has changed, if the last time was long enough ago."""
        if self._wishes and (self._next_at is None or at >= self._next_at):
            self._next_at = at + EVERY
            self.publish()

    def publish(self) -> None:
        """Tell everyone what has changed."""
        for (connection, req_id), wish in self._wishes.items():
            message = self._profit(req_id, wish.con_id)
            if message != wish.told and not connection.congested:
                wish.told = message
                connection.send(message)

    def forget(self, connection: ClientConnection) -> None:
        """Drop the wishes of a connection that is gone."""
        for key in [each for each in self._wishes if each[0] is connection]:
            del self._wishes[key]

    def _account(self, connection: ClientConnection, message: requests.RequestProfit) -> None:
        self._wish(connection, message, con_id=None)

    def _single(self, connection: ClientConnection, message: requests.RequestProfitSingle) -> None:
        self._wish(connection, message, con_id=message.con_id)

    def _wish(
        self,
        connection: ClientConnection,
        message: requests.RequestProfit | requests.RequestProfitSingle,
        *,
        con_id: int | None,
    ) -> None:
        if message.account != self._broker.ledger.account:
            text = f"Error validating request: account {message.account!r} is not known"
            connection.send(answers.Problem(message.req_id, VALIDATION, text))
            return
        wish = _Wish(con_id, self._profit(message.req_id, con_id))
        self._wishes[connection, message.req_id] = wish
        if wish.told is not None:
            connection.send(wish.told)

    def _cancel(
        self,
        connection: ClientConnection,
        message: requests.CancelProfit | requests.CancelProfitSingle,
    ) -> None:
        if self._wishes.pop((connection, message.req_id), None) is None:
            text = f"Can't find EId with tickerId:{message.req_id}"
            connection.send(answers.Problem(message.req_id, UNKNOWN, text))

    def _profit(self, req_id: int, con_id: int | None) -> Message:
        ledger, marks = self._broker.ledger, self._broker.last_prices()
        if con_id is None:
            return answers.Profit(
                req_id,
                daily=ledger.daily_usd(marks),
                unrealized=ledger.unrealised_usd(marks),
                realized=ledger.realised_usd,
            )
        holding, mark = ledger.holding(con_id), marks.get(con_id, 0)
        if holding is None:
            return answers.ProfitSingle(req_id, _NONE, _NONE, _NONE, _NONE, _NONE)
        return answers.ProfitSingle(
            req_id,
            position=Decimal(holding.position),
            daily=holding.daily_usd(mark),
            unrealized=holding.unrealised_usd(mark),
            realized=holding.net_realised_usd,
            value=holding.value_usd(mark),
        )
