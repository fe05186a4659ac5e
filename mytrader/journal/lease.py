"""One writer at a time: a lock that the kernel holds, and gives back when its holder dies."""

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

from mytrader.errors import JournalFault


class Lease:
    """The right to write one journal, held from construction to `release`.

    It is an `flock` on the file `<journal>.lease`, which also names its holder for people. The
    file stays when the lease ends: removing it would let two holders lock different files of
    one name. Raises `JournalFault` when another process, or this one, already holds it.
    """

    def __init__(self, journal: Path, *, at: datetime) -> None:
        # Two names of one journal (a symbolic link) must meet in one lease.
        real = Path(os.path.realpath(journal))
        self.path = real.with_name(f"{real.name}.lease")
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalFault(
                f"journal {journal}: its lease {self.path} cannot be opened"
                f" ({error.strerror}): choose another --journal"
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._sign(f"pid {os.getpid()} since {at.astimezone(UTC).isoformat()}\n")
        except BlockingIOError:
            holder = self._holder()
            os.close(self._descriptor)
            raise JournalFault(
                f"journal {journal} is held by another trader ({holder}):"
                " stop it, or choose another --journal"
            ) from None
        except OSError as error:
            os.close(self._descriptor)
            raise JournalFault(
                f"journal {journal}: its lease {self.path} cannot be taken"
                f" ({error.strerror}): choose another --journal, on a local disk with room"
            ) from None

    def release(self) -> None:
        """Give the lease back; calling it again does nothing."""
        if self._descriptor < 0:
            return
        # The unlock is explicit because a forked child may still share the open file.
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)
        self._descriptor = -1

    def _sign(self, text: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def _holder(self) -> str:
        text = os.pread(self._descriptor, 200, 0).decode(errors="replace")
        return " ".join(text.split()) or "it has not signed"
