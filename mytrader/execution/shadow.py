"""A broker that only listens: every decision is made, and nothing of it can leave.

What would have been sent is closed as never written, with the code SHADOW, so that the record
shows the whole decision and where it ended. The question about margin is an order message too on
the broker's wire, and is answered from our own table instead. A shadow owns nothing: orders, fills
and positions of the account are somebody else's, and are not told on.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand, new_orders
from mytrader.domain.instrument import Instrument
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.execution.order_tracking import CANCEL, CHANGE, PLACE
from mytrader.ports import Broker, Emit, Runtime

SHADOW: Final = "SHADOW"
_DETAIL: Final = "a shadow sends nothing"
_OF_THE_ACCOUNT: Final = (
    events.OrderReported,
    events.StatusReported,
    events.ErrorReported,
    events.ExecutionReported,
    events.CommissionReported,
    events.PositionReported,
)


class ShadowBroker:
    """Stands before a broker and lets through what it tells of the market, and questions.

    `instrument_of` names a contract's instrument by its id, `equity_usd` is the account's, `None`
    while it is not known.
    """

    def __init__(
        self,
        broker: Broker,
        runtime: Runtime,
        *,
        instrument_of: Callable[[int], Instrument | None],
        equity_usd: Callable[[], Decimal | None],
    ) -> None:
        self._broker = broker
        self._runtime = runtime
        self._instrument_of = instrument_of
        self._equity_usd = equity_usd
        self._emit: Emit | None = None

    def listen(self, emit: Emit) -> None:
        """See `ports.Broker`."""
        self._emit = emit
        self._broker.listen(self._hear)

    def number(self, command: AnyCommand) -> tuple[tuple[str, int], ...]:
        """Give no numbers: nothing will be sent under them."""
        del command
        return ()

    def carry_out(self, command: AnyCommand) -> None:
        """Pass on a question about the book; everything else ends here."""
        match command:
            case commands.QueryBook():
                self._broker.carry_out(command)
            case commands.AskMargin(cycle_id):
                self._tell(events.MarginStated(cycle_id, self._margin(command)))
            case commands.ChangeOrder(approved):
                self._close(approved.order.ref, CHANGE)
            case commands.CancelOrder(ref):
                self._close(ref, CANCEL)
            case _:
                for spec in new_orders(command):
                    self._close(spec.ref, PLACE)

    def _close(self, ref: str, action: str) -> None:
        self._tell(events.OrderNotWritten(ref, action, SHADOW, _DETAIL))

    def _margin(self, asked: commands.AskMargin) -> Known[Margin] | Unknown:
        instrument, equity = self._instrument_of(asked.con_id), self._equity_usd()
        if instrument is None or equity is None:
            return Unknown("the account's equity is not known")
        return Known(Margin(Decimal(instrument.initial_margin_usd) * asked.quantity, equity))

    def _tell(self, event: events.AnyEvent) -> None:
        """Deliver later: never from inside `carry_out`."""
        self._runtime.call_at(self._runtime.now(), lambda: self._deliver(event))

    def _deliver(self, event: events.AnyEvent) -> None:
        if self._emit is not None:
            self._emit(event)

    def _hear(self, event: events.AnyEvent) -> None:
        if isinstance(event, _OF_THE_ACCOUNT):
            return
        if isinstance(event, events.BookAnswered) and isinstance(event.book, Known):
            event = events.BookAnswered(event.number, Known(events.Book((), (), ())))
        self._deliver(event)
