"""`mytrader gateway --record` and `--compare`: what is typed, what is refused, how it ends."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from mytrader.simulator.gateway_thread import GatewayThread, PlayedDay
from mytrader.simulator.recording import read_recording
from tests.command_line import CommandLine, mytrader
from tests.test_examples import _ib_async

__all__ = ["mytrader"]

ROOT: Final = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--record nowhere --out x", "--record nowhere: give HOST:PORT"),
        ("--record 127.0.0.1:4001", "--record needs --out FILE"),
        ("--out x", "--out is for --record HOST:PORT"),
        ("--record 127.0.0.1:4001 --out x --compare y", "record first"),
        ("--compare y --out x", "--out is for --record"),
        ("--compare none", "recording none: No such file"),
        ("--record 127.0.0.1:4001 --out x --faults f", "--faults is for a simulated gateway"),
    ],
)
def test_what_cannot_be_meant_is_one_line(mytrader: CommandLine, typed: str, said: str) -> None:
    mytrader("gateway", *typed.split()).is_one_line(said)


def test_a_recording_is_never_overwritten(mytrader: CommandLine) -> None:
    Path("x").write_text("precious", encoding="utf-8")
    mytrader("gateway", "--record", "127.0.0.1:4001", "--out", "x").is_one_line("it exists")


@pytest.mark.slow
def test_a_session_is_recorded_and_compared(tmp_path: Path, mytrader: CommandLine) -> None:
    out = tmp_path / "session.recording"
    with GatewayThread(PlayedDay(seed=8, speed=1)) as gateway:
        recorder = subprocess.Popen(  # noqa: S603 - our own command with our own paths
            [
                *(sys.executable, "-m", "mytrader", "gateway", "--port", "0"),
                *("--record", f"{gateway.host}:{gateway.port}", "--out", str(out)),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert recorder.stdout is not None
        first = recorder.stdout.readline()
        port = re.search(r"on 127\.0\.0\.1:(\d+) to ", first)
        assert port is not None, first
        told = _ib_async("127.0.0.1", int(port[1]))
        recorder.send_signal(signal.SIGINT)
        rest, _ = recorder.communicate(timeout=20)
    assert told["exits"] == ["Cancelled", "Filled"]
    assert recorder.returncode == 0
    assert f"recorded 1 connections, {sum(len(c.data) for c in read_recording(out))} bytes" in rest
    said = mytrader("gateway", "--compare", out)
    assert (said.status, said.out.splitlines()[-1]) == (0, "alike"), said.out
    Path("faults.yaml").write_text("reject_child_stops: 1\n", encoding="utf-8")
    said = mytrader("gateway", "--compare", out, "--faults", "faults.yaml")
    assert said.status == 1
    assert "error 201" in said.out


def test_a_recording_without_a_session_is_one_line(mytrader: CommandLine) -> None:
    Path("x").write_text('{"recording":1,"gateway":"x"}\n', encoding="utf-8")
    mytrader("gateway", "--compare", "x").is_one_line("no connection that a gateway answered")
