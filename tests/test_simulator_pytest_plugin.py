"""The plugin in a suite of its own, as somebody else's project has it."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
SUITE: Final = """
import socket

import pytest

from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway_thread import PlayedDay


def reached(gateway):
    with socket.create_connection((gateway.host, gateway.port), timeout=10) as client:
        client.sendall(b"API\\0\\0\\0\\0\\x09v100..157")
        return client.recv(7)[4:]


def test_default(tws_gateway):
    assert reached(tws_gateway) == b"157"
    assert tws_gateway.read(lambda ledger: ledger.executions) == ()


@pytest.mark.tws_gateway(symbol="MES", seed=7, speed=60, faults=Faults(reject_child_stops=1))
def test_marked(tws_gateway):
    assert tws_gateway.contract.instrument.symbol == "MES"
    assert tws_gateway.day.faults.reject_child_stops == 1


def test_several(start_tws_gateway):
    first, second = (start_tws_gateway(PlayedDay(seed=seed)) for seed in (1, 2))
    assert first.port != second.port
    assert reached(first) == reached(second)


def test_failure_inside_is_an_error(tws_gateway):
    tws_gateway._failures.append(ZeroDivisionError("planted"))
"""


@pytest.mark.slow
def test_fixtures_and_marker_work_in_another_suite(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        'pytest_plugins = ["mytrader.simulator.pytest_plugin"]\n', encoding="utf-8"
    )
    (tmp_path / "test_theirs.py").write_text(SUITE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "4 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "OurFault: the gateway failed: ZeroDivisionError: planted" in done.stdout
