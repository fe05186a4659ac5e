"""A broker that writes nothing and remembers what it was told to write."""

from mytrader.domain.commands import AnyCommand
from mytrader.ports import Emit


class FakeBroker:
    """Keeps commands in a list; a test delivers events through `emit` itself."""

    def __init__(self) -> None:
        self.commands: list[AnyCommand] = []
        self.emit: Emit | None = None

    def listen(self, emit: Emit) -> None:
        """See `ports.Broker`."""
        self.emit = emit

    def carry_out(self, command: AnyCommand) -> None:
        """See `ports.Broker`."""
        self.commands.append(command)
