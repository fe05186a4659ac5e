"""The ledger of proposals beside a journal: append-only lines, chained and signed.

A line is JSON: its number, the hash of the line before it, the entry, and an HMAC over the three.
A line that was changed, removed, added or moved breaks the chain, and is named. That lines are
missing at the end shows against the note of the end, which lies elsewhere (`seal`).

A ledger that does not hold is `Damaged`, and nothing in it takes effect: neither what was
approved, since it may be forged, nor what means less risk, since some of it may have been cut
away. As limits that vanish would be more risk, no new entry is allowed while a ledger is damaged
(`overlay`); positions are protected and closed as always. A person restores it or puts it aside.
*Not taken:* keeping the strictest of what can still be read, which a cut at the end defeats.

A crash while a line is written leaves a piece of one behind the last whole line, which nothing
counted yet: it is dropped by the next append.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mytrader.errors import BadInput
from mytrader.learning.seal import End, Seal, sync_folder
from mytrader.learning.standing import AnyEntry, Inconsistent, Opened, Standings

GENESIS: Final = "0" * 64
SUFFIX: Final = ".proposals.jsonl"


class Damaged(Struct, frozen=True):
    """A ledger that cannot be trusted: where, what is wrong, and what to do."""

    why: str


class _Line(Struct, frozen=True):
    number: int
    prev: str
    entry: AnyEntry
    mac: str

    @property
    def signed(self) -> bytes:
        """What the signature covers."""
        return msgspec.json.encode((self.number, self.prev, self.entry), order="sorted")

    @property
    def hash(self) -> str:
        """What the next line points at."""
        return hashlib.sha256(self.signed + self.mac.encode()).hexdigest()


def _encoded(line: _Line) -> bytes:
    return msgspec.json.encode(line, order="sorted") + b"\n"


class _Chain(Struct, frozen=True):
    """Whole lines that hold: what they come to, their signatures, and where they end in bytes."""

    standings: Standings = Standings()
    macs: tuple[str, ...] = ()
    head: str = GENESIS
    size: int = 0

    def with_line(self, line: _Line, *, length: int) -> "_Chain":
        """One line more; raises `Inconsistent`."""
        standings = self.standings.after(line.entry)
        return _Chain(standings, (*self.macs, line.mac), line.hash, self.size + length)

    def reaches(self, end: End) -> bool:
        """Whether the line that was noted as an end stands where it stood."""
        return len(self.macs) >= end.lines > 0 and self.macs[end.lines - 1] == end.mac


class _Broken(ValueError):
    """What is wrong with a line."""


def ledger_path(journal: Path) -> Path:
    """Return where the ledger of a journal lies; two names of one journal lead to the same."""
    real = Path(os.path.realpath(journal))
    return real.with_name(f"{real.name}{SUFFIX}")


class Ledger:
    """The proposals of one journal. `new_id` gives a new ledger its name."""

    def __init__(self, path: Path, seal: Seal, *, new_id: Callable[[], str]) -> None:
        self.path = path
        self._seal = seal
        self._new_id = new_id

    def read(self) -> Standings | Damaged:
        """Return what has become of every proposal, or that the ledger cannot be trusted."""
        try:
            return self._chain(self._content()).standings
        except _Broken as broken:
            return self._damaged(str(broken))
        except BadInput as fault:
            return self._damaged(str(fault))

    def append(self, entry: AnyEntry) -> Standings:
        """Write one entry, durably, and return what the ledger comes to.

        Raises `BadInput` when the ledger is damaged, the entry does not follow from it, or the
        file cannot be written.
        """
        with self._locked():
            try:
                chain = self._chain(self._content())
            except _Broken as broken:
                raise BadInput(self._damaged(str(broken)).why) from None
            if not chain.macs:
                chain = self._write(chain, Opened(entry.at, self._new_id()))
            return self._write(chain, entry).standings

    def put_aside(self, at: datetime) -> Path:
        """Move the ledger out of the way, forget its end, and return where it lies now.

        Everything that it had in force ends with it.
        """
        with self._locked():
            return self._moved_aside(at)

    def _moved_aside(self, at: datetime) -> Path:
        aside = self.path.with_name(f"{self.path.name}.{at:%Y%m%dT%H%M%S%f}")
        if aside.exists():
            raise BadInput(f"{aside}: exists already: try again")
        try:
            if self.path.exists():
                self.path.rename(aside)
                sync_folder(self.path.parent)
        except OSError as error:
            raise self._cannot("move", error) from None
        self._seal.note(self.path, None)
        return aside

    def _write(self, chain: _Chain, entry: AnyEntry) -> _Chain:
        unsigned = _Line(len(chain.macs) + 1, chain.head, entry, "")
        line = replace(unsigned, mac=self._seal.sign(unsigned.signed))
        content = _encoded(line)
        try:
            longer = chain.with_line(line, length=len(content))
        except Inconsistent as problem:
            raise BadInput(str(problem)) from None
        try:
            self._put(content, at=chain.size)
        except OSError as error:
            raise self._cannot("write", error) from None
        # The line first: a note of a line that is not there would be a ledger that was cut.
        end = End(longer.standings.ledger_id, line.number, line.mac)
        self._seal.note(self.path, end)
        return longer

    def _put(self, content: bytes, *, at: int) -> None:
        """Put a line behind the last whole one; what a crash left there goes."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            file.truncate(at)
            file.seek(at)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)

    def _content(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._cannot("read", error) from None

    def _chain(self, content: bytes | None) -> _Chain:
        """Return the whole lines of a file; raises `_Broken` where they do not hold."""
        chain = _Chain()
        for text in (content or b"").splitlines(keepends=True):
            if not text.endswith(b"\n"):
                break  # what a crash left of a line; nothing counted it yet
            line = self._checked(text, chain)
            try:
                chain = chain.with_line(line, length=len(text))
            except Inconsistent as problem:
                raise _Broken(f"line {line.number}: {problem}") from None
        self._check_end(chain, gone=content is None)
        return chain

    def _check_end(self, chain: _Chain, *, gone: bool) -> None:
        """Hold the last line against what was noted of it, here or where the ledger lay before."""
        noted = self._seal.end_of(self.path)
        if noted is not None:
            if gone:
                raise _Broken(f"the file is gone, and had {noted.lines} lines")
            if not chain.reaches(noted):
                raise _Broken(f"it ends behind line {len(chain.macs)}, and had {noted.lines}")
            return
        ends = self._seal.ends_of_id(chain.standings.ledger_id)
        # The opening may be there before any note of it: a crash came between.
        if len(chain.macs) > 1 and not any(chain.reaches(end) for end in ends):
            raise _Broken(f"it ends behind line {len(chain.macs)}, and had more")

    def _checked(self, text: bytes, chain: _Chain) -> _Line:
        number = len(chain.macs) + 1
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _Broken(f"line {number} cannot be read") from None
        # Only in our own spelling: a field that is there twice or unknown to us says nothing else.
        if text != _encoded(line) or not self._seal.holds(line.signed, line.mac):
            raise _Broken(f"line {number} was changed, or signed with another key")
        if line.number != number:
            raise _Broken(f"line {number} is missing: number {line.number} stands there")
        if line.prev != chain.head:
            raise _Broken(f"line {number} does not follow the line before it")
        return line

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(f"{self.path}.lock", flags, 0o600)
        except OSError as error:
            raise self._cannot("lock", error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _damaged(self, why: str) -> Damaged:
        return Damaged(
            f"ledger {self.path}: {why}: no entry is allowed before it is restored from a copy,"
            " or put aside with mytrader learn discard"
        )

    def _cannot(self, what: str, error: OSError) -> BadInput:
        return BadInput(f"{self.path}: cannot {what} it ({error.strerror}): mend it, then again")
