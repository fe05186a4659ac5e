"""One socket for one journal, wherever it lies."""

import os
import socket
from pathlib import Path

import pytest

from mytrader.control.address import PATH_BYTES_MAX, short_path, socket_path


def test_two_names_of_a_journal_lead_to_one_door(tmp_path: Path) -> None:
    (tmp_path / "link.journal").symlink_to(tmp_path / "real.journal")
    assert socket_path(tmp_path / "link.journal") == socket_path(tmp_path / "real.journal")


def test_a_short_path_is_used_as_it_is() -> None:
    with short_path(Path("runs/x.sock")) as short:
        assert short == Path("runs/x.sock")


def test_a_path_that_is_too_long_for_an_address_still_works(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    path = folder / "x.sock"
    assert len(os.fsencode(path)) > PATH_BYTES_MAX
    with socket.socket(socket.AF_UNIX) as listener, short_path(path) as short:
        listener.bind(str(short))
    assert path.is_socket()


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 120) / "x.sock"
    with pytest.raises(FileNotFoundError), short_path(path):
        pass
