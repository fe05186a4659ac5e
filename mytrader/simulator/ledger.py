"""The truth: executions, positions and cash of the simulated account, folded fill by fill.

Futures are settled every day: at the close what is open has gained its difference to the
settlement in cash, and is carried on from there. The books here keep the price that was paid,
which is what brokers report as cost; `settled` beside it says what has been paid out already.
"""

from collections import deque
from datetime import datetime
from decimal import Decimal
from itertools import count

from msgspec import Struct, structs

from mytrader.domain.instrument import FuturesContract
from mytrader.domain.orders import Side


class BrokerFill(Struct, frozen=True):
    """One execution as the broker booked it.

    `price` is ticks; `cumulative` and `average_price` (ticks) are the order's after this fill.
    `realised_usd` is what the fill closed, after its own commission; None when it only opened.
    """

    exec_id: str
    contract: FuturesContract
    perm_id: int
    client_id: int
    order_id: int
    order_ref: str
    side: Side
    quantity: int
    price: int
    at: datetime
    aggressor: bool
    cumulative: int
    average_price: Decimal
    commission_usd: Decimal = Decimal(0)
    realised_usd: Decimal | None = None


class Lot(Struct, frozen=True):
    """Contracts that were opened at one price: signed quantity, price in ticks.

    `settled` is the last settlement since, before it the price itself.
    """

    quantity: int
    price: int
    settled: int


class Holding:
    """What is open in one contract; what was opened first is closed first."""

    def __init__(self, contract: FuturesContract) -> None:
        self.contract = contract
        self.realised_usd = Decimal(0)
        self.commissions_usd = Decimal(0)
        self._lots: deque[Lot] = deque()
        self._gained_before_usd = Decimal(0)

    @property
    def position(self) -> int:
        """Signed contracts."""
        return sum(lot.quantity for lot in self._lots)

    @property
    def cost_ticks(self) -> int:
        """Signed ticks times contracts of what is open."""
        return sum(lot.quantity * lot.price for lot in self._lots)

    @property
    def average_cost_usd(self) -> Decimal:
        """Price times multiplier of one open contract, as the broker reports futures."""
        position = self.position
        if not position:
            return Decimal(0)
        total = self.contract.instrument.usd(self.cost_ticks)
        return (total / position).quantize(Decimal("0.0001")).normalize()

    @property
    def net_realised_usd(self) -> Decimal:
        """What closed trades gained, commissions paid."""
        return self.realised_usd - self.commissions_usd

    @property
    def paid_out_usd(self) -> Decimal:
        """What settlements have paid for that which is open."""
        ticks = sum(lot.quantity * (lot.settled - lot.price) for lot in self._lots)
        return self.contract.instrument.usd(ticks)

    def unrealised_usd(self, mark: int) -> Decimal:
        """Profit of what is open at a price in ticks."""
        return self.contract.instrument.usd(mark * self.position - self.cost_ticks)

    def value_usd(self, mark: int) -> Decimal:
        """Price times multiplier of all that is open, signed."""
        return self.contract.instrument.usd(mark * self.position)

    def daily_usd(self, mark: int) -> Decimal:
        """What the contract has gained since its last settlement, commissions paid."""
        return self.net_realised_usd + self.unrealised_usd(mark) - self._gained_before_usd

    def settle(self, mark: int) -> None:
        """Pay out what is open to a settlement in ticks, and begin a day."""
        self._lots = deque(structs.replace(lot, settled=mark) for lot in self._lots)
        self._gained_before_usd = self.net_realised_usd + self.unrealised_usd(mark)

    def take(self, signed_quantity: int, price: int) -> tuple[int, Decimal]:
        """Book a fill; return how many contracts it closed and what they gained, dollars."""
        closed, gained_ticks = 0, 0
        left = signed_quantity
        while left and self._lots and self._lots[0].quantity * left < 0:
            lot = self._lots.popleft()
            matched = min(abs(left), abs(lot.quantity))
            sign = 1 if lot.quantity > 0 else -1
            closed += matched
            gained_ticks += sign * matched * (price - lot.price)
            left += sign * matched
            if rest := lot.quantity - sign * matched:
                self._lots.appendleft(structs.replace(lot, quantity=rest))
        if left:
            self._lots.append(Lot(left, price, settled=price))
        return closed, self.contract.instrument.usd(gained_ticks)


class Ledger:
    """Cash, positions and executions of one account; judges read it, only the broker writes.

    `numbers` gives each execution its own, also where one was taken back.
    """

    def __init__(self, account: str, cash_usd: Decimal) -> None:
        self.account = account
        self.cash_usd = self._starting_cash_usd = cash_usd
        self.executions: list[BrokerFill] = []
        self.numbers = count()
        self.commissions_usd = Decimal(0)
        self._holdings: dict[int, Holding] = {}
        self._settlements: dict[int, tuple[datetime, int]] = {}

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """Every contract that was ever traded, in the order of its first fill."""
        return tuple(self._holdings.values())

    @property
    def realised_usd(self) -> Decimal:
        """What closed trades gained, all commissions paid."""
        gained = sum((each.realised_usd for each in self.holdings), Decimal(0))
        return gained - self.commissions_usd

    @property
    def settled_cash_usd(self) -> Decimal:
        """Cash with what settlements have paid for that which is open."""
        return self.cash_usd + sum((each.paid_out_usd for each in self.open()), Decimal(0))

    def holding(self, con_id: int) -> Holding | None:
        """Return what was ever traded of a contract, `None` for nothing."""
        return self._holdings.get(con_id)

    def position(self, con_id: int) -> int:
        """Signed contracts that are open."""
        holding = self._holdings.get(con_id)
        return 0 if holding is None else holding.position

    def daily_usd(self, marks: dict[int, int]) -> Decimal:
        """What the account has gained since the last settlement; `marks` as above."""
        return sum(
            (each.daily_usd(marks.get(each.contract.con_id, 0)) for each in self.holdings),
            Decimal(0),
        )

    def settle(self, con_id: int, mark: int, at: datetime) -> None:
        """Settle a contract for the day."""
        self._settlements[con_id] = (at, mark)
        holding = self._holdings.get(con_id)
        if holding is not None:
            holding.settle(mark)

    def unrealised_usd(self, marks: dict[int, int]) -> Decimal:
        """Profit of all that is open, at `marks` (ticks by contract id)."""
        return sum(
            (each.unrealised_usd(marks.get(each.contract.con_id, 0)) for each in self.open()),
            Decimal(0),
        )

    def open(self) -> list[Holding]:
        """Return the contracts with an open position."""
        return [each for each in self.holdings if each.position]

    def book(self, fill: BrokerFill, commission_usd: Decimal) -> BrokerFill:
        """Book a fill with what it costs, and return it with what it realised."""
        con_id = fill.contract.con_id
        holding = self._holdings.setdefault(con_id, Holding(fill.contract))
        closed, gained = holding.take(fill.side.sign * fill.quantity, fill.price)
        holding.realised_usd += gained
        holding.commissions_usd += commission_usd
        self.cash_usd += gained - commission_usd
        self.commissions_usd += commission_usd
        realised = gained - commission_usd if closed else None
        booked = structs.replace(fill, commission_usd=commission_usd, realised_usd=realised)
        self.executions.append(booked)
        return booked

    def correct(self, exec_id: str, ticks: int) -> BrokerFill | None:
        """Correct the price of an execution by `ticks`; `None` if there is no such execution.

        The corrected one takes its place under the same id with a higher last part, and the
        account is what it would be had it traded so.
        """
        fills = self.executions
        index = next((at for at, fill in enumerate(fills) if fill.exec_id == exec_id), None)
        if index is None:
            return None
        head, _, version = exec_id.rpartition(".")
        fills[index] = structs.replace(
            fills[index],
            exec_id=f"{head}.{int(version) + 1:02d}",
            price=fills[index].price + ticks,
        )
        self._fold(fills)
        return self.executions[index]

    def bust(self, exec_id: str) -> None:
        """Take an execution back, if there is one: nothing of it is left but its number."""
        self._fold([each for each in self.executions if each.exec_id != exec_id])

    def _fold(self, fills: list[BrokerFill]) -> None:
        """Book all executions anew."""
        self.executions = []
        self._holdings = {key: Holding(each.contract) for key, each in self._holdings.items()}
        self.cash_usd, self.commissions_usd = self._starting_cash_usd, Decimal(0)
        waiting = dict(self._settlements)
        for fill in fills:
            self._settle_again(waiting, before=fill)
            self.book(fill, fill.commission_usd)
        self._settle_again(waiting)

    def _settle_again(
        self, waiting: dict[int, tuple[datetime, int]], *, before: BrokerFill | None = None
    ) -> None:
        for con_id, (at, mark) in list(waiting.items()):
            if before is None or at <= before.at:
                del waiting[con_id]
                self.settle(con_id, mark, at)
