"""Log lines: one line each, in the exchange's time, nothing said twice."""

import io
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime

import pytest
import structlog

from mytrader import logs

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
