"""The examples work: unmodified clients of both versions trade against the simulated gateway.

Each trades one bracket with a modified stop, sees bars, executions, commissions and positions,
and cancels an order. The gateway's own ledger has the last word.
"""

import asyncio
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from mytrader.simulator.gateway_thread import GatewayThread, PlayedDay
from mytrader.tws.frames import OLDER_VERSION, SERVER_VERSION

EXAMPLES: Final = Path(__file__).resolve().parents[1] / "examples"

Play = Callable[[str, int], dict[str, Any]]


def _example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _ib_async(host: str, port: int) -> dict[str, Any]:
    told: dict[str, Any] = asyncio.run(_example("ib_async_bracket").play(host, port))
    return told


def _ibapi(host: str, port: int) -> dict[str, Any]:
    told: dict[str, Any] = _example("ibapi_bracket").play(host, port)
    return told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("play", "version"),
    [(_ib_async, SERVER_VERSION), (_ibapi, OLDER_VERSION)],
    ids=["ib_async", "ibapi"],
)
def test_an_unmodified_client_trades_a_bracket_and_cancels_an_order(
    play: Play, version: int
) -> None:
    with GatewayThread(PlayedDay(speed=10)) as gateway:
        told = play(gateway.host, gateway.port)
        executions = gateway.read(lambda ledger: ledger.executions)
        live = gateway.read(lambda ledger: ledger.orders)
    tick = gateway.contract.instrument.tick_size
    assert told["server_version"] == version
    assert told["bars"] == 60
    assert (told["entry"], told["exits"]) == ("Filled", ["Cancelled", "Filled"])
    assert told["executions"] == [
        ("BOT" if fill.side == "BUY" else "SLD", float(fill.price * tick)) for fill in executions
    ]
    assert told["commissions"] == [float(fill.commission_usd) for fill in executions]
    assert (told["position_held"], told["position_after"]) == (1, 0)
    assert told["cancelled"] == "Cancelled"
    assert live == ()


def test_examples_change_nothing_in_the_clients() -> None:
    """An example that patches its client would prove nothing about it."""
    for path in EXAMPLES.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "mytrader" not in "".join(
            line for line in text.splitlines() if line.startswith(("import", "from"))
        ), path
