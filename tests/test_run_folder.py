"""Without a name the journal that was written to last is meant."""

import os
from pathlib import Path

import pytest

from mytrader.errors import BadInput
from mytrader.run_folder import free_journal, make_folder, newest_journal


def test_the_last_one_written_to_is_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="no journal in runs/"):
        newest_journal()
    (tmp_path / "runs").mkdir()
    for age, name in enumerate(("a.journal", "b.journal", "c.memory")):
        path = tmp_path / "runs" / name
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    assert newest_journal() == Path("runs/a.journal")


def test_a_number_is_claimed_once(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    assert free_journal(folder) == folder / "run-0001.journal"
    assert free_journal(folder) == folder / "run-0002.journal"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(BadInput, match="the folder of journals cannot be made"):
        make_folder(tmp_path / "runs" / "inner")
