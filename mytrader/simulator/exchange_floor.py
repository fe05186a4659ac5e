"""The exchanges of all contracts: which of them are shut, and what traded last."""

from collections.abc import Iterable
from datetime import datetime

from mytrader.domain.instrument import FuturesContract
from mytrader.simulator.market import MarketTick
from mytrader.simulator.matching import ExchangeOrder, Fact, Matching


class ExchangeFloor:
    """One `Matching` per contract. Contracts and orders are named by their ids."""

    def __init__(self, contracts: Iterable[FuturesContract]) -> None:
        self.last: dict[int, int] = {}
        self._exchanges = {each.con_id: Matching() for each in contracts}
        self._shut: set[int] = set()

    def is_shut(self, con_id: int) -> bool:
        """Whether nothing trades until the next tick."""
        return con_id in self._shut

    def advance(self, con_id: int, tick: MarketTick) -> Iterable[Fact]:
        """Let the market of a contract move; take the facts one by one."""
        return self._exchanges[con_id].advance_by_fact(tick)

    def note_trade(self, con_id: int, tick: MarketTick) -> bool:
        """Keep the last trade; True if the contract was shut until this tick."""
        if tick.size:
            self.last[con_id] = tick.last
        if con_id not in self._shut:
            return False
        self._shut.discard(con_id)
        return True

    def close_session(self, con_id: int, at: datetime) -> Iterable[Fact]:
        """End the session of a contract; take the facts one by one."""
        self._shut.add(con_id)
        return self._exchanges[con_id].close_by_fact(at)

    def halt(self, con_id: int) -> None:
        """Stop the trading of a contract until its next tick; no order ends by it."""
        self._shut.add(con_id)
        self._exchanges[con_id].halt()

    def set_servers(self, *, up: bool) -> None:
        """Say whether the broker's own servers are there; without them its stops sleep."""
        for exchange in self._exchanges.values():
            exchange.servers_up = up

    def set_queue(self, ahead: int | None) -> None:
        """Say how many contracts stand before an order that joins a price; `None`: no end."""
        for exchange in self._exchanges.values():
            exchange.queue_ahead = ahead

    def submit(self, con_id: int, order: ExchangeOrder, at: datetime) -> list[Fact]:
        """Bring a new order."""
        return self._exchanges[con_id].submit(order, at)

    def replace(self, con_id: int, order: ExchangeOrder, at: datetime) -> list[Fact]:
        """Bring an order in the place of the one with its id."""
        return self._exchanges[con_id].replace(order, at)

    def cancel(self, con_id: int, order_id: int, at: datetime) -> list[Fact]:
        """Take an order back."""
        return self._exchanges[con_id].cancel(order_id, at)

    def fill_whole(self, con_id: int, order_id: int, at: datetime) -> list[Fact]:
        """Fill the rest of an order wherever the market is."""
        return self._exchanges[con_id].fill_whole(order_id, at)
