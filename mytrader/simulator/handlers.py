"""What answers one kind of request."""

from collections.abc import Callable
from typing import Any

from mytrader.simulator.connection import ClientConnection

Handler = Callable[[ClientConnection, Any], None]
"""Takes the connection and the request of the type that it is registered for."""
