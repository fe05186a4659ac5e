"""Files are told apart by what they hold."""

from pathlib import Path

import pytest

from mytrader.errors import BadInput
from mytrader.replay.source import read_history
from tests.replay_samples import good_entry, order_row, write_history, write_log


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    database = write_history(tmp_path, [order_row(1, 0, action="BUY")], executions=[]).rename(
        tmp_path / "a.log"
    )
    log = write_log(tmp_path, *good_entry()).rename(tmp_path / "a.sqlite")
    assert read_history(database).kind == "order history"
    assert read_history(log).kind == "text log"


@pytest.mark.parametrize(
    ("name", "why"),
    [("absent", "does not exist"), (".", "is a directory"), ("a\0b", "cannot be read")],
)
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_history(tmp_path / name)


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: Not a directory"):
        read_history(write_log(tmp_path, "x") / "below")
