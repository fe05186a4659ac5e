"""A gateway with a witness: whatever arrives, leaves or is done is told before anything else.

Requests are told as they arrive, before the faults see them; messages as they leave, after the
faults have had their way with them.
"""

from collections.abc import Sequence
from typing import Protocol

from mytrader.ports import Runtime
from mytrader.simulator.connection import ClientConnection, FrontDesk, Meddler
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.tws.fields import Message


class Witness(Protocol):
    """Whoever watches a gateway. It must change nothing."""

    def settled(self) -> None:
        """The gateway has done what was due and written what it had to say."""
        ...

    def asked(self, client_id: int, message: Message) -> None:
        """A request has arrived."""
        ...

    def told(self, message: Message) -> None:
        """A message leaves for a client."""
        ...


class WatchedConnection(ClientConnection):
    """A connection that tells the witness what passes."""

    def __init__(self, desk: FrontDesk, meddler: Meddler, *, witness: Witness) -> None:
        super().__init__(desk, meddler)
        self._witness = witness
        self.deaf = False

    def send_plain(self, *messages: Message) -> None:
        """Add messages to the next write as they are."""
        if self.ready and not self.deaf:
            for message in messages:
                self._witness.told(message)
        super().send_plain(*messages)

    def deafen(self) -> None:
        """Stay open, and hear and say nothing from now on."""
        self.deaf = True
        super().deafen()

    def _passes(self, message: Message) -> bool:
        if self.client_id is not None:
            self._witness.asked(self.client_id, message)
        return super()._passes(message)


class WatchedGateway(SimulatedGateway):
    """A gateway that is watched from its first connection on."""

    def __init__(
        self,
        markets: Sequence[SimulatedMarket],
        runtime: Runtime,
        *,
        settings: GatewaySettings,
        witness: Witness,
    ) -> None:
        super().__init__(markets, runtime, settings=settings)
        self._witness = witness

    def protocol_factory(self) -> ClientConnection:
        """Return the protocol for a new connection."""
        return WatchedConnection(self, self.faults, witness=self._witness)

    def settle(self) -> None:
        """Write what has gathered for all connections, and let the witness look."""
        super().settle()
        self._witness.settled()

    def audible(self, client_id: int) -> bool:
        """Whether what the exchange does reaches a client at once."""
        connection = self.client(client_id)
        deaf = isinstance(connection, WatchedConnection) and connection.deaf
        return connection is not None and not deaf and not self.faults.outages.link_lost
