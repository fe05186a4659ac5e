"""One writer at a time, whatever the journal is called, and never a lease without a holder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mytrader.errors import JournalFault
from mytrader.journal.lease import Lease
from tests.journal_samples import AT

HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from mytrader.journal.lease import Lease
lease = Lease(Path(sys.argv[1]), at=datetime(2025, 11, 20, tzinfo=UTC))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = Lease(tmp_path / "j", at=AT)
    with pytest.raises(JournalFault, match=rf"held by another trader \(pid {os.getpid()} since"):
        Lease(tmp_path / "j", at=AT)
    first.release()
    Lease(tmp_path / "j", at=AT).release()


def test_releasing_twice_does_not_take_it_from_the_next(tmp_path: Path) -> None:
    first = Lease(tmp_path / "j", at=AT)
    first.release()
    second = Lease(tmp_path / "j", at=AT)
    first.release()
    with pytest.raises(JournalFault, match="held"):
        Lease(tmp_path / "j", at=AT)
    second.release()


def test_a_symbolic_link_is_the_same_journal(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "j")
    first = Lease(tmp_path / "j", at=AT)
    with pytest.raises(JournalFault, match="held"):
        Lease(tmp_path / "link", at=AT)
    first.release()


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(JournalFault, match="choose another --journal") as caught:
        Lease(tmp_path / "none" / "j", at=AT)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_kernel_gives_back_the_lease_of_a_killed_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "j")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:  # noqa: S603 - our own interpreter
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(JournalFault, match=f"pid {holder.pid} since 2025-11-20"):
            Lease(tmp_path / "j", at=AT)
        holder.kill()
        holder.wait()
    Lease(tmp_path / "j", at=AT).release()
