"""The account over the wire: positions, values and summaries, and who wants to hear of changes."""

from collections.abc import Mapping
from typing import Final

from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.simulator.account_reports import (
    AccountFigure,
    account_figures,
    portfolio_report,
    position_report,
)
from mytrader.simulator.broker import Broker
from mytrader.simulator.connection import ClientConnection, Handler
from mytrader.simulator.faults import EndMessage, Faults
from mytrader.simulator.ledger import Ledger
from mytrader.simulator.order_rules import VALIDATION
from mytrader.tws import answers, requests
from mytrader.tws.fields import Message

TOO_MANY_SUMMARIES: Final = 322
SUMMARIES_MAX: Final = 2


class _Wishes:
    """What one connection wants to hear of."""

    def __init__(self) -> None:
        self.positions = False
        self.account = False
        self.multi: dict[int, requests.RequestAccountUpdatesMulti] = {}
        self.summaries: dict[int, frozenset[str]] = {}


class AccountDesk:
    """Answers account requests; `publish` tells subscribers what a fill changed."""

    def __init__(self, broker: Broker, faults: Faults) -> None:
        self._broker = broker
        self._faults = faults
        self._wishes: dict[ClientConnection, _Wishes] = {}

    @property
    def handlers(self) -> Mapping[type[Message], Handler]:
        """Return what this desk answers."""
        return {
            requests.RequestPositions: self._positions,
            requests.CancelPositions: self._cancel_positions,
            requests.RequestAccountUpdates: self._account_updates,
            requests.RequestAccountUpdatesMulti: self._multi,
            requests.CancelAccountUpdatesMulti: self._cancel_multi,
            requests.RequestAccountSummary: self._summary,
            requests.CancelAccountSummary: self._cancel_summary,
            requests.RequestManagedAccounts: self._accounts,
        }

    def publish(self) -> None:
        """Send positions, portfolio and values to everyone who wants them."""
        holdings = self._reported().holdings
        for connection, wishes in self._wishes.items():
            if wishes.positions:
                connection.send(*[position_report(each, self._account) for each in holdings])
            if wishes.account:
                self._send_account(connection)
            for req_id, wish in wishes.multi.items():
                self._send_multi(connection, req_id, model=wish.model)

    def set_faults(self, faults: Faults) -> None:
        """Commit these faults from now on."""
        self._faults = faults

    def forget(self, connection: ClientConnection) -> None:
        """Drop the wishes of a connection that is gone."""
        self._wishes.pop(connection, None)

    @property
    def _account(self) -> str:
        return self._broker.ledger.account

    def _of(self, connection: ClientConnection) -> _Wishes:
        return self._wishes.setdefault(connection, _Wishes())

    def _reported(self) -> Ledger:
        """Return the ledger that is reported from: the true one, or the one a fault froze."""
        ledger, limit = self._broker.ledger, self._faults.freeze_positions_after_fills
        if limit is None or len(ledger.executions) <= limit:
            return ledger
        frozen = Ledger(ledger.account, ledger.cash_usd)
        for fill in ledger.executions[:limit]:
            frozen.book(fill, fill.commission_usd)
        return frozen

    def _figures(self) -> list[AccountFigure]:
        return list(account_figures(self._broker.ledger, self._broker.last_prices()))

    # Positions.

    def _positions(self, connection: ClientConnection, message: Message) -> None:
        del message
        self._of(connection).positions = True
        holdings = self._reported().open()
        connection.send(*[position_report(each, self._account) for each in holdings])
        if self._faults.missing_end is not EndMessage.POSITIONS:
            connection.send(answers.PositionEnd())

    def _cancel_positions(self, connection: ClientConnection, message: Message) -> None:
        del message
        self._of(connection).positions = False

    # Account values.

    def _account_updates(
        self, connection: ClientConnection, message: requests.RequestAccountUpdates
    ) -> None:
        self._of(connection).account = message.subscribe
        if not message.subscribe:
            return
        self._send_account(connection)
        if self._faults.missing_end is not EndMessage.ACCOUNT:
            connection.send(answers.AccountDownloadEnd(self._account))

    def _send_account(self, connection: ClientConnection) -> None:
        marks = self._broker.last_prices()
        for each in self._figures():
            connection.send(
                answers.AccountValue(each.tag, each.value, each.currency, self._account)
            )
        for holding in self._reported().holdings:
            mark = marks.get(holding.contract.con_id, 0)
            connection.send(portfolio_report(holding, self._account, mark=mark))
        local = self._broker.now().astimezone(EXCHANGE_ZONE)
        connection.send(answers.AccountTime(f"{local:%H:%M}"))

    def _multi(
        self, connection: ClientConnection, message: requests.RequestAccountUpdatesMulti
    ) -> None:
        self._of(connection).multi[message.req_id] = message
        self._send_multi(connection, message.req_id, model=message.model)
        if self._faults.missing_end is not EndMessage.ACCOUNT_MULTI:
            connection.send(answers.AccountUpdateMultiEnd(message.req_id))

    def _send_multi(self, connection: ClientConnection, req_id: int, *, model: str) -> None:
        connection.send(
            *[
                answers.AccountUpdateMulti(
                    req_id, self._account, model, each.tag, each.value, each.currency
                )
                for each in self._figures()
            ]
        )

    def _cancel_multi(
        self, connection: ClientConnection, message: requests.CancelAccountUpdatesMulti
    ) -> None:
        self._of(connection).multi.pop(message.req_id, None)

    def _summary(
        self, connection: ClientConnection, message: requests.RequestAccountSummary
    ) -> None:
        summaries = self._of(connection).summaries
        if message.group not in ("All", self._account):
            text = f"Error validating request: account group {message.group!r} is not known"
            connection.send(answers.Problem(message.req_id, VALIDATION, text))
            return
        if message.req_id not in summaries and len(summaries) >= SUMMARIES_MAX:
            text = "Maximum number of account summary requests exceeded"
            connection.send(answers.Problem(message.req_id, TOO_MANY_SUMMARIES, text))
            return
        wanted = frozenset(tag.strip() for tag in message.tags.split(","))
        summaries[message.req_id] = wanted
        for each in self._figures():
            if each.tag in wanted:
                connection.send(
                    answers.AccountSummary(
                        message.req_id, self._account, each.tag, each.value, each.currency
                    )
                )
        connection.send(answers.AccountSummaryEnd(message.req_id))

    def _cancel_summary(
        self, connection: ClientConnection, message: requests.CancelAccountSummary
    ) -> None:
        self._of(connection).summaries.pop(message.req_id, None)

    def _accounts(self, connection: ClientConnection, message: Message) -> None:
        del message
        connection.send(answers.ManagedAccounts(self._account))
