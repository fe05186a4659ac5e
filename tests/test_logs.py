"""Log lines: one line each, in the exchange's time, nothing said twice."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from mytrader import logs
from mytrader.errors import BadInput
from mytrader.journal.trace import trace_hex
from mytrader.logs import WAITING_MAX, LogFile, LogFileOptions
from tests.playbook import CYCLE

AT = datetime(2025, 12, 12, 15, 0, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave logging as it was found."""
    ours, theirs = logging.getLogger("mytrader"), logging.getLogger("ib_async")
    handlers, levels = ours.handlers[:], (ours.level, theirs.level)
    yield
    ours.handlers[:] = handlers
    ours.setLevel(levels[0])
    theirs.setLevel(levels[1])
    structlog.reset_defaults()


def test_a_line_has_the_time_of_the_market_and_what_the_text_leaves_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up(verbose=False)
    log = structlog.get_logger("mytrader")
    log.warning("CODE", at=AT, text="stop of mt/x/S1\nis gone", ref="mt/x/S1", cycle_id="y")
    assert (
        capsys.readouterr().err
        == "12-12 09:00:05 CT WARNING CODE stop of mt/x/S1 is gone cycle_id=y\n"
    )


def test_without_a_clock_there_is_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(verbose=False)
    structlog.get_logger("mytrader").error("CODE", until=AT, cycle_id=None)
    assert capsys.readouterr().err == "ERROR CODE until=2025-12-12T15:00:05+00:00\n"


@pytest.mark.parametrize(("verbose", "lines"), [(False, 0), (True, 1)])
def test_what_is_normal_is_told_only_when_asked_for(
    capsys: pytest.CaptureFixture[str], verbose: bool, lines: int
) -> None:
    logs.set_up(verbose=verbose)
    structlog.get_logger("mytrader").info("CODE", at=AT)
    assert capsys.readouterr().err.count("CODE") == lines


def test_the_standard_library_speaks_through_the_same_door_and_the_client_not_at_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up(verbose=False)
    logs.set_up(verbose=False)
    logging.getLogger("mytrader.simulator.connection").warning("client 1 closed")
    logging.getLogger("ib_async.client").critical("account U1234567")
    assert capsys.readouterr().err == "WARNING client 1 closed\n"


def test_what_stands_in_for_standard_error_is_written_to() -> None:
    """A progress bar replaces standard error while it is drawn."""
    logs.set_up(verbose=False)
    stand_in = io.StringIO()
    with redirect_stderr(stand_in):
        structlog.get_logger("mytrader").warning("CODE")
    assert stand_in.getvalue() == "WARNING CODE\n"


def test_quiet_is_quiet_and_only_meanwhile(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()["wrapper_class"]
    with logs.quiet():
        structlog.get_logger("mytrader").error("NOTHING")
        logging.getLogger("mytrader").error("nothing")
    assert capsys.readouterr() == ("", "")
    assert structlog.get_config()["wrapper_class"] is before
    assert logging.root.manager.disable == logging.NOTSET


# For programs


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[LogFile, Path]]:
    """A log file, and where it is."""
    path = tmp_path / "t.log"
    opened = logs.set_up(verbose=False, file=LogFileOptions(path))
    assert opened is not None
    yield opened, path
    opened.close()


def lines_of(opened: LogFile, path: Path) -> list[dict[str, object]]:
    """Return what a file holds once everything is written."""
    opened.close()
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_the_file_has_every_line_and_the_screen_what_matters(
    kept: tuple[LogFile, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    log = structlog.get_logger("mytrader")
    log.info("NORMAL", at=AT, text="as usual")
    log.warning("ODD", at=AT, text="look", bars=3, held=True, ratio=0.5, nothing=None)
    assert (
        capsys.readouterr().err
        == "12-12 09:00:05 CT WARNING ODD look bars=3 held=True ratio=0.5\n"
    )
    assert lines_of(*kept) == [
        {"at": "2025-12-12T15:00:05+00:00", "level": "info", "code": "NORMAL", "text": "as usual"},
        {
            "at": "2025-12-12T15:00:05+00:00",
            "level": "warning",
            "code": "ODD",
            "text": "look",
            "bars": 3,
            "held": True,
            "ratio": "0.5",
        },
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"cycle_id": CYCLE},
        {"ref": f"mt/{CYCLE}/S1"},
        {"ref": f"mt/{CYCLE}/S1", "cycle_id": None},
        {"text": f"stop of mt/{CYCLE}/S1 is gone"},
        {"text": f"cycle {CYCLE}: surprise while OPEN"},
    ],
)
def test_what_concerns_a_trade_has_its_id_and_its_trace(
    kept: tuple[LogFile, Path], said: dict[str, object]
) -> None:
    structlog.get_logger("mytrader").error("CODE", **said)
    (line,) = lines_of(*kept)
    assert line["cycle_id"] == CYCLE
    assert line["trace_id"] == trace_hex(CYCLE)


@pytest.mark.parametrize("said", [{}, {"text": "all is well"}, {"cycle_id": "nonsense"}])
def test_what_concerns_no_trade_has_no_trace(
    kept: tuple[LogFile, Path], said: dict[str, object]
) -> None:
    structlog.get_logger("mytrader").error("CODE", **said)
    (line,) = lines_of(*kept)
    assert "trace_id" not in line


FORGED = "rejected\n12-12 09:00:06 CT INFO RESUMED by hand\x1b[2J\x00\u2028\u202e\r\x9b31m"


def test_nobody_can_forge_a_line_or_speak_to_the_terminal(
    kept: tuple[LogFile, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    structlog.get_logger("mytrader").warning("CODE", text=FORGED, **{"a\nb": FORGED})
    logging.getLogger("mytrader.simulator").warning("%s", FORGED)
    err = capsys.readouterr().err
    assert err.count("\n") == 2
    assert all(line.isprintable() for line in err.splitlines())
    assert "\\x1b[2J\\x00" in err
    opened, path = kept
    opened.close()
    raw = path.read_text("ascii")
    assert raw.count("\n") == len(raw.splitlines()) == 2
    assert json.loads(raw.splitlines()[0])["a b"]


@pytest.mark.parametrize("secret", ["U1234567", "DU1234567", "F1234567", "AKIAIOSFODNN7EXAMPLE"])
def test_accounts_and_keys_are_masked_on_screen_and_file(
    kept: tuple[LogFile, Path], capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    structlog.get_logger("mytrader").warning("CODE", text=f"order of {secret}: no", who=secret)
    logging.getLogger("mytrader.simulator").warning("client of %s", secret)
    assert secret not in capsys.readouterr().err
    opened, path = kept
    opened.close()
    assert secret not in path.read_text("ascii")


def test_what_is_very_long_is_cut(kept: tuple[LogFile, Path]) -> None:
    fields = {f"name{number}": number for number in range(200)}
    structlog.get_logger("mytrader").warning("CODE", text="x" * 100_000, **fields)
    opened, path = kept
    opened.close()
    assert len(path.read_text("ascii")) < 4_000


def test_the_standard_library_speaks_into_the_same_file(kept: tuple[LogFile, Path]) -> None:
    logging.getLogger("mytrader.simulator.connection").info("client 1 of mt/%s/E1", CYCLE)
    logging.getLogger("ib_async.client").critical("account U1234567")
    (line,) = lines_of(*kept)
    assert line["code"] == "mytrader.simulator.connection"
    assert line["trace_id"] == trace_hex(CYCLE)


@pytest.mark.slow
def test_the_file_is_the_owners_and_turns_over(tmp_path: Path) -> None:
    path = tmp_path / "t.log"
    opened = LogFile(LogFileOptions(path, megabytes_max=1, kept=2))
    for number in range(2_000):
        opened.write({"level": "info", "event": "CODE", "text": f"{number} " + "x" * 1_900})
    opened.close()
    files = sorted(tmp_path.iterdir())
    assert [each.name for each in files] == ["t.log", "t.log.1", "t.log.2"]
    assert all(each.stat().st_size <= 1_000_000 for each in files)
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}


def test_a_file_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "no").touch()
    with pytest.raises(BadInput, match=r"telemetry.log_file: .*: (Not a directory|File exists):"):
        logs.set_up(verbose=False, file=LogFileOptions(tmp_path / "no" / "t.log"))


def test_the_folder_of_the_page_is_made(tmp_path: Path) -> None:
    """`runs/mytrader.log`, on the first day."""
    LogFile(LogFileOptions(tmp_path / "runs" / "mytrader.log")).close()
    assert (tmp_path / "runs" / "mytrader.log").exists()


class FullDisk(io.StringIO):
    """A file on a disk without room."""

    def write(self, text: str) -> int:
        """Fail as the system does."""
        del text
        raise OSError(28, "No space left on device")


def test_a_disk_that_fails_is_said_once_and_holds_nobody_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = LogFile(LogFileOptions(tmp_path / "t.log"))
    working = opened._file.stream
    opened._file.stream = FullDisk()  # type: ignore[assignment]  # it writes as far as it gets
    for _ in range(3):
        opened.write({"level": "info", "event": "CODE"})
    opened._listener.stop()
    opened._file.stream = working
    opened._file.close()
    assert capsys.readouterr().err.count("LOG_FILE_FAILED") == 1


@pytest.mark.slow
def test_lines_beyond_the_bound_are_lost_and_counted(tmp_path: Path) -> None:
    opened = LogFile(LogFileOptions(tmp_path / "t.log"))
    opened._listener.stop()
    for _ in range(WAITING_MAX + 3):
        opened.write({"level": "info", "event": "CODE"})
    assert opened.lost == 3
    opened._file.close()
