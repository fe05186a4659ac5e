"""The key that signs a ledger, and the notes of where each ledger ends.

Both lie in a folder of their own, away from the journal: whoever can write beside the journal
(a copy that is restored, a program that tidies up, a person with an editor) can then neither
forge a line nor cut lines off without that being seen. It does not protect against who runs as
the same user, and can read the key; nor against putting ledger and notes back to an earlier day
together; nor does it prove which person approved.
"""

import fcntl
import hashlib
import hmac
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from mytrader.errors import BadInput

KEY_NAME: Final = "learning.key"
NOTES_NAME: Final = "learning.ends"
KEY_BYTES: Final = 32
_RESTORE: Final = "restore a copy of it and its key, or move both away and discard the ledger"
_MINE_ALONE: Final = 0o600
_FOR_OTHERS: Final = 0o077


class End(Struct, frozen=True):
    """The last line of a ledger as it was when we wrote it."""

    ledger_id: str
    lines: int
    mac: str


class _Notes(Struct, frozen=True):
    ends: dict[str, End]
    mac: str


class Seal:
    """Signs lines and remembers ends, in `folder`. Raises `BadInput` where it cannot.

    `draw(n)` returns `n` random bytes; it is asked once, for a key that does not exist yet.
    """

    def __init__(self, folder: Path, *, draw: Callable[[int], bytes]) -> None:
        self._folder = folder
        self._draw = draw

    @property
    def has_key(self) -> bool:
        """Whether anything was ever signed here."""
        path = self._folder / KEY_NAME
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            # A folder that may not be looked into is no folder without a key.
            raise _cannot(path, "read", error) from None
        return True

    def sign(self, content: bytes) -> str:
        """Return the signature of `content`; the first one makes the key."""
        return hmac.new(self._key(), content, hashlib.sha256).hexdigest()

    def holds(self, content: bytes, mac: str) -> bool:
        """Whether a signature is ours; without a key none is."""
        # As bytes: of text the library compares ASCII only, and a damaged one need not be.
        theirs = mac.encode("utf-8", "surrogatepass")
        return self.has_key and hmac.compare_digest(self.sign(content).encode(), theirs)

    def end_of(self, ledger: Path) -> End | None:
        """Return the end that was noted for a ledger, `None` if none ever was."""
        return self._ends().get(_name(ledger))

    def ends_of_id(self, ledger_id: str) -> tuple[End, ...]:
        """Return every end that was noted for a ledger of this id, wherever it lay."""
        return tuple(end for end in self._ends().values() if end.ledger_id == ledger_id)

    def note(self, ledger: Path, end: End | None) -> None:
        """Remember the end of a ledger, durably; `None` forgets it."""
        self._key()  # it is made under the same lock
        with self._locked():
            ends = {name: one for name, one in self._ends().items() if name != _name(ledger)}
            if end is not None:
                ends[_name(ledger)] = end
            content = msgspec.json.encode(ends, order="sorted")
            whole = msgspec.json.encode(_Notes(ends, self.sign(content)))
            self._replace(self._folder / NOTES_NAME, whole)

    def _ends(self) -> dict[str, End]:
        path = self._folder / NOTES_NAME
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _cannot(path, "read", error) from None
        try:
            notes = msgspec.json.decode(text, type=_Notes)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadInput(f"{path}: is damaged: {_RESTORE}") from None
        if not self.holds(msgspec.json.encode(notes.ends, order="sorted"), notes.mac):
            raise BadInput(f"{path}: was changed, or its key was: {_RESTORE}")
        return notes.ends

    def _key(self) -> bytes:
        path = self._folder / KEY_NAME
        if not self.has_key:
            self._make_key(path)
        try:
            mode, key = path.stat().st_mode, path.read_bytes()
        except OSError as error:
            raise _cannot(path, "read", error) from None
        if stat.S_IMODE(mode) & _FOR_OTHERS:
            raise BadInput(f"{path}: others can read the key: chmod 600 it")
        if len(key) != KEY_BYTES:
            raise BadInput(f"{path}: is no key of ours: restore a copy")
        return key

    def _make_key(self, path: Path) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot(self._folder, "make", error) from None
        with self._locked():
            if not path.exists():
                self._replace(path, self._draw(KEY_BYTES))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time changes key and notes."""
        path = self._folder / f"{NOTES_NAME}.lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MINE_ALONE)
        except OSError as error:
            raise _cannot(path, "open", error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _replace(self, path: Path, content: bytes) -> None:
        """Put a file in its place whole, and on the disk, or not at all."""
        new = path.with_name(f"{path.name}.new")
        try:
            new.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(new, flags, _MINE_ALONE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            sync_folder(self._folder)
        except OSError as error:
            raise _cannot(path, "write", error) from None


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(ledger: Path) -> str:
    """Two names of one ledger are one."""
    return os.path.realpath(ledger)


def _cannot(path: Path, what: str, error: OSError) -> BadInput:
    return BadInput(
        f"{path}: cannot {what} it ({error.strerror}): mend it, or set learning.key_folder"
    )
