"""Fixtures for testing any client of the broker's API against a simulated gateway.

Put `pytest_plugins = ["mytrader.simulator.pytest_plugin"]` into your `conftest.py`:

    def test_my_client(tws_gateway):
        my_client.connect("127.0.0.1", tws_gateway.port)
        ...
        assert tws_gateway.read(lambda ledger: ledger.position(tws_gateway.contract.con_id)) == 1

A test that wants another day says so:

    @pytest.mark.tws_gateway(symbol="MES", seed=7, speed=60, faults=Faults(reject_child_stops=1))

and one that wants several gateways, or wants them at its own time, calls `start_tws_gateway`. The
gateway speaks on a free port of the loopback address, in a thread of the test's process, and is
gone when the test ends; a failure inside it fails the test.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mytrader.simulator.gateway_thread import GatewayThread, PlayedDay

StartGateway = Callable[[PlayedDay], GatewayThread]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known to `--strict-markers`."""
    config.addinivalue_line(
        "markers",
        "tws_gateway(symbol, seed, begin, speed, bars, day, faults, account): what the fixture "
        "tws_gateway plays; see mytrader.simulator.gateway_thread.PlayedDay",
    )


@pytest.fixture
def tws_gateway(request: pytest.FixtureRequest) -> Iterator[GatewayThread]:
    """A gateway that listens on `port` until the test ends."""
    marker = request.node.get_closest_marker("tws_gateway")
    day = PlayedDay() if marker is None else PlayedDay(*marker.args, **marker.kwargs)
    with GatewayThread(day) as gateway:
        yield gateway


@pytest.fixture
def start_tws_gateway() -> Iterator[StartGateway]:
    """Start a gateway that plays a `PlayedDay`; all of them are gone when the test ends."""
    with ExitStack() as running:
        yield lambda day: running.enter_context(GatewayThread(day))
