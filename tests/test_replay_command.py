"""The command line: exit statuses, and one line for whatever is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mytrader.replay.command import main
from tests.replay_samples import (
    REAL_LOG,
    good_entry,
    needs_data,
    placed,
    reported,
    write_log,
)

ROOT = Path(__file__).resolve().parents[1]


def run(path: Path | str, order_id: str, *more: str) -> int:
    return main(["--log", str(path), "--order-id", order_id, *more])


def test_refused_is_status_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_log(tmp_path, reported(0, 0), placed(1, 7, action="BUY", limit="6000.00"))
    assert run(path, "7") == 0
    out = capsys.readouterr().out
    assert "MISSING_STOP" in out
    assert not any(text.endswith(" ") for text in out.splitlines())
    assert "\x1b" not in out


def test_allowed_is_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(write_log(tmp_path, *good_entry()), "7", "--json") == 1
    assert json.loads(capsys.readouterr().out)["decision"] == "allowed"


@pytest.mark.parametrize(
    ("order_id", "why"),
    [
        ("8", "order 8 is not in bot.log, which holds the orders 7"),
        ("seven", "--order-id takes a whole number such as 14812, not 'seven'"),
        ("-7", "not '-7'"),
        ("1" * 5000, "takes a whole number"),
        ("", "not ''"),
    ],
)
def test_a_wrong_order_id_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], order_id: str, why: str
) -> None:
    assert run(write_log(tmp_path, *good_entry()), order_id) == 2
    captured = capsys.readouterr()
    assert why in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    "arguments",
    [[], ["--log", "x"], ["--order-id", "7"], ["--log", "a\nb\x1b[31m", "--order-id", "7"]],
)
def test_misuse_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_the_contract_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_log(tmp_path, placed(1, 7, action="BUY", limit="6000.00"))
    assert run(path, "7") == 2
    assert run(path, "7", "--symbol", "MES") == 0
    assert "BUY 1 MES" in capsys.readouterr().out


@needs_data
@pytest.mark.slow
def test_the_script_replays_the_incident() -> None:
    """As the postmortem writes it: a command a person types in the project's root."""
    command = ["scripts/replay_trade_from_logs.py", "--log", str(REAL_LOG), "--order-id", "14812"]
    done = subprocess.run(  # noqa: S603 - our own script with our own arguments
        [sys.executable, *command],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "EXIT_WHEN_FLAT" in done.stdout
    assert "lost $1,700.00" in done.stdout


@pytest.mark.slow
def test_the_script_without_the_package_says_what_to_do(tmp_path: Path) -> None:
    """Status 2, not 1: a crash must never read as "allowed"."""
    script = tmp_path / "replay.py"
    script.write_bytes((ROOT / "scripts" / "replay_trade_from_logs.py").read_bytes())
    done = subprocess.run(  # noqa: S603 - our own script, without our package
        [sys.executable, "-I", "-S", str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "make run" in done.stderr
    assert done.stderr.count("\n") == 1
