"""The broker's own client, `ibapi` 9.81.1, without a socket: judges of the older layouts.

It has no types of its own, so everything of it is `Any` here.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ibapi import comm, decoder, message
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.order import Order
from ibapi.wrapper import EWrapper

from mytrader.tws.frames import OLDER_VERSION, FrameReader


def older_contract(**values: object) -> Any:  # noqa: ANN401 - untyped client
    """Return a contract of `ibapi`."""
    return _with(Contract(), values)


def older_order(**values: object) -> Any:  # noqa: ANN401 - untyped client
    """Return an order of `ibapi`."""
    return _with(Order(), values)


def _with(thing: Any, values: dict[str, object]) -> Any:  # noqa: ANN401 - untyped client
    for name, value in values.items():
        setattr(thing, name, value)
    return thing


def what_ibapi_sends(ask: Callable[[Any], object]) -> list[bytes]:
    """Return the bodies of the frames that `ibapi` writes when `ask` uses it."""
    written: list[bytes] = []
    client: Any = EClient(EWrapper())
    client.conn = SimpleNamespace(sendMsg=written.append, isConnected=lambda: True)
    client.connState = client.CONNECTED
    client.serverVersion_ = OLDER_VERSION
    ask(client)
    return FrameReader().feed(b"".join(written))


class _Listener(EWrapper):  # type: ignore[misc]  # untyped client
    """Keeps what the decoder calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - untyped client
        if name in vars(EWrapper) and not name.startswith("_") and name != "logAnswer":
            calls = object.__getattribute__(self, "calls")
            return lambda *args: calls.append((name, args))
        return object.__getattribute__(self, name)


def what_ibapi_reads(frame: bytes) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the calls (name and arguments) that `ibapi` makes of one frame."""
    listener = _Listener()
    (body,) = FrameReader().feed(frame)
    judge: Any = decoder.Decoder(listener, OLDER_VERSION)
    judge.interpret(comm.read_fields(body))
    return listener.calls


KNOWN_ANSWERS = {value for name, value in vars(message.IN).items() if not name.startswith("_")}
"""The ids of the messages that `ibapi` knows."""
