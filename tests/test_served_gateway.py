"""The gateway alone: its last words. What it serves is played by `tests/test_runs.py`."""

import socket
from pathlib import Path

import pytest

from mytrader import served_gateway
from mytrader.domain.instrument import ES
from mytrader.errors import BadInput
from mytrader.runs import SimulatedDay
from mytrader.served_gateway import serve_gateway
from mytrader.settings import Settings
from mytrader.simulator.bar_files import load_bar_file
from tests.command_line import rows, write_bars


def test_its_last_words_count_its_faults() -> None:
    assert served_gateway._counted({"order": 2, "data": 5}) == "; faults: data 5, order 2"
    assert served_gateway._counted({}) == ""


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    day = SimulatedDay(
        ("ES",), load_bar_file(write_bars(tmp_path / "bars.csv", rows()), ES), Settings()
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=str(port)):
            serve_gateway(day, port=port, speed=1.0, on_ready=lambda _: None)
