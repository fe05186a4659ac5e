"""The commands as a stranger uses them: bad input is one line, equal runs are equal."""

import fcntl
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import (
    DATA,
    INCIDENT_DAY,
    CommandLine,
    Said,
    mytrader,
    rows,
    write_bars,
)

__all__ = ["mytrader"]

Cells = list[list[str]]


def _edited(edit: Callable[[Cells], object]) -> Cells:
    cells = rows()
    edit(cells)
    return cells


BAD_BARS: dict[str, tuple[Cells, str]] = {
    "empty": ([], "bars.csv"),
    "unsorted": (_edited(lambda cells: cells.reverse()), "row 2"),
    "duplicate": (_edited(lambda cells: cells.insert(3, cells[2])), "there twice"),
    "off the grid": (_edited(lambda cells: cells[2].__setitem__(1, "6900.1")), "row 3"),
    "negative": (_edited(lambda cells: cells[2].__setitem__(1, "-5")), "row 3"),
    "no number": (_edited(lambda cells: cells[2].__setitem__(1, "nan")), "row 3"),
    "high below low": (_edited(lambda cells: cells[2].__setitem__(2, "6890")), "swapped"),
}


@pytest.mark.parametrize("name", BAD_BARS)
def test_bad_bars_are_one_line(mytrader: CommandLine, tmp_path: Path, name: str) -> None:
    cells, why = BAD_BARS[name]
    mytrader("run", "--bars", write_bars(tmp_path / "bars.csv", cells)).is_one_line(why)
    assert not (tmp_path / "runs").exists(), "nothing is left behind"


@pytest.mark.parametrize(
    ("closed", "words"),
    [
        ("no_entry_hours: [9, 24]", "c.yaml: trading.no_entry_hours: must be less than or equal"),
        (
            "no_entry_regimes: [UPTREND CALM]",
            "c.yaml: trading.no_entry_regimes: must hold a trend",
        ),
        ("no_entry_strategies: [ema_cross]", "ema_cross is not installed, so nothing would be"),
    ],
)
def test_what_would_close_nothing_is_one_line(
    mytrader: CommandLine, tmp_path: Path, closed: str, words: str
) -> None:
    """Somebody believes that it is closed."""
    config = tmp_path / "c.yaml"
    config.write_text(f"trading: {{{closed}}}\n")
    mytrader("run", "--config", config).is_one_line(words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run --bars missing.csv", "missing.csv does not exist"),
        ("run --bars .", "is a directory"),
        ("run --bars text.txt", "neither .parquet nor .csv"),
        ("run --bars text.parquet", "cannot be read"),
        ("run --bars columns.csv", "no column timestamp"),
        ("run --bars good.csv --date 2025-01-01", "no bars for the session of 2025-01-01"),
        ("run --bars good.csv --date yesterday", "--date yesterday: give a date"),
        ("run --date 2025-12-11", "without bars"),
        ("run --config missing.yaml", "missing.yaml: cannot be read"),
        ("run --config .", "cannot be read"),
        ("run --faults missing.yaml", "missing.yaml"),
        ("run --faults faults.yaml", "rejct_child_stops"),
        ("run --symbol CL", "choose one or several of ES, MES, NQ, MNQ"),
        ("run --symbol ,", "choose one or several of ES, MES, NQ, MNQ"),
        ("run --symbol ES,NQ", "futures on one index"),
        ("run --param fast", "give name=value"),
        ("run --param fast=1", "fast"),
        ("run --param fast=9 --param fast=10", "given twice"),
        ("run --param speed=10", "its parameters are: fast, slow"),
        ("run --strategy luck", "choose one of"),
        ("run --speed 5", "always at max"),
        ("run --seed 99999999999999999999", "simulator.seed"),
        ("run --gateway nowhere", "give sim or HOST:PORT"),
        ("run --gateway 127.0.0.1:99999", "give sim or HOST:PORT"),
        ("run --gateway 127.0.0.1:4002 --bars good.csv", "--bars is for the embedded gateway"),
        ("run --gateway 127.0.0.1:4002 --speed fast", "--speed fast"),
        ("gateway --speed 0", "--speed 0"),
        ("gateway --speed nan", "--speed nan"),
        ("run --journal text.txt", "not a journal of mytrader"),
        ("run --journal .", "is a directory"),
        ("run --journal empty", "is empty"),
        ("run --bars good.csv --journal none/x.journal", "there is no folder"),
        ("run --bars good.csv --journal /proc/x.journal", "/proc/x.journal"),
        ("cycles", "no journal in runs/"),
        ("cycles --journal text.txt", "not a journal of mytrader"),
        ("cycles --journal .", "is a directory"),
        ("cycles --journal none/x.journal", "does not exist"),
        ("config show --config missing.yaml", "cannot be read"),
    ],
)
def test_bad_input_is_one_line(
    mytrader: CommandLine, tmp_path: Path, line: str, words: str
) -> None:
    write_bars(tmp_path / "good.csv", rows())
    write_bars(tmp_path / "columns.csv", [["1"]], header="price")
    for name in ("text.txt", "text.parquet"):
        (tmp_path / name).write_text("hello, this is no data at all\n", "utf-8")
    (tmp_path / "empty").touch()
    (tmp_path / "faults.yaml").write_text("rejct_child_stops: 1\n", "utf-8")
    mytrader(*line.split()).is_one_line(words)


def test_all_errors_of_a_configuration_come_at_once(mytrader: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("trading:\n  max_lss: 3\n  max_order_size: many\nib:\n  port: 0\n", "utf-8")
    said = mytrader("run", "--config", path)
    assert said.status == 2
    assert len(said.err.splitlines()) == 3
    for key in ("trading.max_lss", "trading.max_order_size", "ib.port"):
        assert f"{path}: {key}: " in said.err


def test_a_file_where_the_folder_of_journals_belongs_is_one_line(
    mytrader: CommandLine, tmp_path: Path
) -> None:
    write_bars(tmp_path / "good.csv", rows())
    (tmp_path / "runs").touch()
    mytrader("run", "--bars", "good.csv").is_one_line("runs", "--journal")


def test_a_journal_that_is_held_is_refused_with_its_holder(
    mytrader: CommandLine, tmp_path: Path
) -> None:
    lease = tmp_path / "x.journal.lease"
    with lease.open("w") as held:
        held.write("pid 1 since yesterday")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        said = mytrader("run", "--gateway", "127.0.0.1:9", "--journal", "x.journal")
    said.is_one_line("held by another trader", "pid 1 since yesterday")


def test_nobody_listening_is_one_line(mytrader: CommandLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        mytrader("run", "--gateway", place).is_one_line(place, "nobody listens")


def test_a_port_in_use_is_one_line(mytrader: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        mytrader("gateway", "--port", str(taken.getsockname()[1])).is_one_line("in use")


@pytest.mark.parametrize(
    ("environment", "file", "flags"),
    [
        ({"FF_ENTRY_RISK_GUARDS": "0", "FF_EXIT_GUARDS": "false"}, "", 2),
        ({"FF_WAIT_BLOCKING": "1"}, "", 0),
        ({}, "aws_agents:\n  block_on_wait: false\n", 1),
        ({}, "features:\n  exit_guards: false\n  learning_hooks: off\n", 2),
        ({"MYTRADER__AWS_AGENTS__BLOCK_ON_WAIT": "false"}, "", 1),
    ],
)
def test_a_flag_that_would_switch_a_guard_off_is_said_once_and_ignored(
    mytrader: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    *,
    environment: dict[str, str],
    file: str,
    flags: int,
) -> None:
    write_bars(Path("good.csv"), rows())
    Path("my.yaml").write_text(file, "utf-8")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said = mytrader("run", "--bars", "good.csv", "--config", "my.yaml", "--json")
    assert said.status == 0, said
    assert said.err.count("GUARD_FLAG_IGNORED") == flags
    assert said.json["mode"] == "NORMAL"


def test_equal_runs_differ_in_nothing_but_the_journals_name(
    mytrader: CommandLine, tmp_path: Path
) -> None:
    write_bars(tmp_path / "good.csv", rows())
    one, two = (mytrader("run", "--bars", "good.csv", "--json").json for _ in range(2))
    assert one.pop("journal") == "runs/run-0001.journal"
    assert two.pop("journal") == "runs/run-0002.journal"
    assert one == two
    assert one["bars"] == len(rows()) - 1, "the last minute's end is not seen"


def test_an_embedded_run_never_continues_a_journal(mytrader: CommandLine, tmp_path: Path) -> None:
    """The gateway's world begins anew and would number its executions as before."""
    write_bars(tmp_path / "good.csv", rows())
    again = ("run", "--bars", "good.csv", "--journal", "x.journal")
    assert mytrader(*again).status == 0
    before = (tmp_path / "x.journal").read_bytes()
    mytrader(*again).is_one_line("already holds a run")
    assert (tmp_path / "x.journal").read_bytes() == before


def test_the_summary_fits_80_columns_without_colours_or_torn_cells(
    mytrader: CommandLine, tmp_path: Path
) -> None:
    write_bars(tmp_path / "good.csv", rows())
    said = mytrader("run", "--bars", "good.csv")
    assert said.status == 0
    assert "\x1b" not in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert "h of market" in said.out


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> tuple[Said, Path]:
    """The incident's day, traded once by the real command, and its journal."""
    if not INCIDENT_DAY.exists():
        pytest.skip(f"real bars are not at hand: {INCIDENT_DAY} does not exist")
    folder = tmp_path_factory.mktemp("incident")
    done = _command("run", "--bars", str(INCIDENT_DAY), "--json", folder=folder)
    assert done.status == 0, done.err
    return done, folder / "runs" / "run-0001.journal"


def _command(*arguments: str, folder: Path, prepare: Callable[[], None] | None = None) -> Said:
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "mytrader", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=prepare,
        timeout=300,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
def test_every_closed_cycle_adds_up_to_the_cent(
    incident: tuple[Said, Path], mytrader: CommandLine
) -> None:
    said, journal = incident
    summary, cycles = said.json, mytrader("cycles", "--journal", journal, "--json").json
    assert cycles == summary["cycles"], "a live summary and a journal cannot differ"
    closed = [cycle for cycle in cycles if cycle["phase"] == "CLOSED"]
    assert len(closed) >= 3
    for cycle in closed:
        _check_closed(cycle)
    net = sum(Decimal(cycle["net_usd"]) for cycle in closed)
    assert str(net) == summary["net_usd"] == summary["broker_cash_change_usd"]
    assert summary["account_agrees"] is True


def _check_closed(cycle: dict[str, Any]) -> None:
    assert cycle["signal"]["reason"]
    assert cycle["signal"]["features"]
    assert {opinion["decision"] for opinion in cycle["advice"]} <= {"GO", "WAIT"}
    assert cycle["advice"]
    assert cycle["verdicts"]
    assert all(verdict["approved"] for verdict in cycle["verdicts"])
    prefix = f"mt/{cycle['cycle_id']}/"
    assert {order["role"] for order in cycle["orders"]} >= {"E", "S"}
    for order in (*cycle["orders"], *cycle["fills"]):
        assert order["order_ref"].startswith(prefix)
    gross = commission = Decimal(0)
    for fill in cycle["fills"]:
        sign = 1 if fill["side"] == "SELL" else -1
        gross += sign * fill["quantity"] * Decimal(fill["price"]) * 50
        commission += Decimal(fill["commission"])
    assert Decimal(cycle["gross_usd"]) == gross
    assert Decimal(cycle["commission_usd"]) == commission
    assert Decimal(cycle["net_usd"]) == gross - commission


@pytest.mark.slow
def test_an_aborted_entry_says_why(incident: tuple[Said, Path]) -> None:
    summary = incident[0].json
    aborted = [cycle for cycle in summary["cycles"] if cycle["phase"] == "ABORTED"]
    assert len(aborted) == summary["aborted"] == sum(summary["abort_reasons"].values())
    for cycle in aborted:
        assert " ".join(cycle["alert_codes"]) in summary["abort_reasons"]


@pytest.mark.slow
def test_the_table_of_trades_fits_80_columns(
    incident: tuple[Said, Path], mytrader: CommandLine
) -> None:
    out = mytrader("cycles", "--journal", incident[1]).out
    table = [line for line in out.splitlines() if " ES " in line]
    assert len(table) == incident[0].json["closed_cycles"], "one line each"
    assert max(map(len, out.splitlines()[:-1])) <= 80
    assert "…" not in out


@pytest.mark.slow
def test_a_disk_without_room_ends_the_run_with_one_line_and_status_3(tmp_path: Path) -> None:
    """The journal is the first to notice; the record up to then stays readable."""
    write_bars(tmp_path / "good.csv", rows(900))

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = _command("run", "--bars", "good.csv", folder=tmp_path, prepare=small_files)
    assert done.status == 3, done
    assert "Traceback" not in done.err
    last = done.err.splitlines()[-1]
    assert last.startswith("halted: "), done.err
    assert "runs/run-0001.journal" in last
    assert last.endswith("what rests at the broker was left there")
    again = _command("cycles", "--json", folder=tmp_path)
    assert again.status == 0, again.err


@pytest.mark.slow
def test_a_real_session_of_a_month_is_chosen_by_its_date(
    mytrader: CommandLine,
) -> None:
    month = DATA / "es-1m-2025-11.parquet"
    if not month.exists():
        pytest.skip(f"real bars are not at hand: {month} does not exist")
    said = mytrader("run", "--bars", month, "--date", "2025-11-05", "--json")
    assert said.status == 0, said.err
    assert said.json["account_agrees"] is True
    assert said.json["started_at"].startswith("2025-11-04")
