"""A broker that writes nothing and remembers what it was told to write."""

from mytrader.domain.commands import AnyCommand
from mytrader.ports import Emit


class FakeBroker:
    """Keeps commands in a list; a test delivers events through `emit` itself."""

    def __init__(self) -> None:
        self.commands: list[AnyCommand] = []
        self.numbered: list[AnyCommand] = []
        self.emit: Emit | None = None

    def listen(self, emit: Emit) -> None:
        """See `ports.Broker`."""
        self.emit = emit

    def number(self, command: AnyCommand) -> tuple[tuple[str, int], ...]:
        """See `ports.Broker`."""
        self.numbered.append(command)
        return ()

    def carry_out(self, command: AnyCommand) -> None:
        """See `ports.Broker`."""
        self.commands.append(command)
