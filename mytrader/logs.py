"""Log lines: for people on standard error, for programs as JSON in a file.

A line on standard error is one line, in simulated time where time is simulated. Whoever logs
gives the time as `at`; a line without it happened before there was a clock. In the file every
line is one JSON object, and what concerns a trade says so: `cycle_id`, and `trace_id`, the same
128 bits as tracing tools write them.

What strangers say may be in a line: the broker's texts, a model's reasons. Control characters are
written out, so that nobody can forge a line or speak to the terminal; account numbers and keys
are masked; what is very long is cut.
"""

import json
import logging
import logging.handlers
import queue
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
from msgspec import Struct

from mytrader.domain.orders import parse_ref
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.errors import BadInput
from mytrader.journal.trace import trace_hex
from mytrader.plain_text import masked

TEXT_CHARACTERS_MAX: Final = 2_000
FIELDS_MAX: Final = 40
WAITING_MAX: Final = 10_000
"""Lines that wait for the disk; what does not fit is lost and counted."""

_MEGABYTE: Final = 1_000_000
_SAID_ALREADY: Final = ("level", "event", "text", "at", "trace_id")
_CYCLE: Final = re.compile(r"(?<![0-9A-Z])[0-7][0-9A-HJKMNP-TV-Z]{25}(?![0-9A-Z])", re.ASCII)
_OURS: Final = "mytrader"


class LogFileOptions(Struct, frozen=True):
    """Where the JSON lines go: a new file after `megabytes_max`, `kept` older ones beside it."""

    path: Path
    megabytes_max: int = 10
    kept: int = 5


class CurrentStderr:
    """Standard error as it is at the moment of writing: a progress bar stands in for it."""

    def write(self, text: str) -> int:
        """Write to it."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush it."""
        sys.stderr.flush()


class LogFile:
    """Writes lines to a file from a thread of its own: no disk can hold up who logs.

    Raises `BadInput` when the file cannot be opened. Only its owner may read the file.
    """

    def __init__(self, options: LogFileOptions) -> None:
        self.lost = 0
        self._closed = False
        try:
            options.path.parent.mkdir(parents=True, exist_ok=True)
            options.path.touch(0o600)
            self._file = _RotatingFile(
                options.path,
                maxBytes=options.megabytes_max * _MEGABYTE,
                backupCount=options.kept,
                encoding="utf-8",
            )
        except OSError as error:
            raise BadInput(
                f"telemetry.log_file: {options.path}: {error.strerror}: choose another file"
            ) from None
        self._waiting: queue.Queue[Any] = queue.Queue(WAITING_MAX)
        self._listener = logging.handlers.QueueListener(self._waiting, self._file)
        self._listener.start()

    def write(self, fields: Mapping[str, object]) -> None:
        """Take one line; returns at once."""
        record = logging.makeLogRecord({"said": dict(fields), "levelno": logging.INFO})
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        """Write what waits, and let go of the file; calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self._listener.stop()
            self._file.close()


class _RotatingFile(logging.handlers.RotatingFileHandler):
    """Says once that it cannot write, where the library would print a stack trace each time."""

    failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; it is made here, in the thread of the file, because that takes long."""
        record.msg = json_line(record.__dict__["said"])
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        del record
        if not self.failed:
            self.failed = True
            error = sys.exc_info()[1]
            sys.stderr.write(f"WARNING LOG_FILE_FAILED {self.baseFilename}: {error}\n")

    def _open(self) -> TextIO:  # type: ignore[override]  # the library's stubs name one class of it
        opened = super()._open()
        Path(self.baseFilename).chmod(0o600)
        return opened


class _ToFile(logging.Handler):
    """What the package says through the standard library goes into the same file."""

    def __init__(self, file: LogFile) -> None:
        super().__init__(logging.INFO)
        self._log_file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        said = {"level": record.levelname.lower(), "event": record.name}
        self._log_file.write(with_ids({**said, "text": record.getMessage()}))


class _Tee:
    """A step of structlog: into the file goes everything, on to the screen what matters there."""

    def __init__(self, file: LogFile | None, level: int) -> None:
        self._file = file
        self._level = level

    def __call__(
        self, logger: object, method: str, said: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Pass a line on, or raise `structlog.DropEvent`."""
        del logger, method
        if self._file is not None:
            self._file.write(with_ids(said))
        if logging.getLevelNamesMapping()[str(said["level"]).upper()] < self._level:
            raise structlog.DropEvent
        return said


def set_up(*, verbose: bool, file: LogFileOptions | None = None) -> LogFile | None:
    """Show warnings and worse, with `verbose` what is normal too; into `file` goes all of it.

    Returns the open file, which is to be closed at the end. Raises `BadInput`.
    """
    level = logging.INFO if verbose else logging.WARNING
    opened = None if file is None else LogFile(file)
    stream = CurrentStderr()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Plain("%(levelname)s %(message)s"))
    handler.setLevel(level)
    ours = logging.getLogger(_OURS)
    ours.handlers[:] = [handler] if opened is None else [handler, _ToFile(opened)]
    lowest = level if opened is None else logging.INFO
    ours.setLevel(lowest)
    # The client's own log says nothing that ours does not, and says it with account numbers.
    logging.getLogger("ib_async").setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[structlog.processors.add_log_level, _Tee(opened, level), line],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(file=stream),  # type: ignore[arg-type]  # it writes and flushes, no more is asked
    )
    return opened


class _Plain(logging.Formatter):
    """The standard library's lines, made harmless."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        return harmless(super().format(record))


def line(logger: object, method: str, said: MutableMapping[str, Any]) -> str:
    """Return what was said as one line: time, level, code, text, and what the text leaves out."""
    del logger, method
    text = str(said.get("text") or "")
    at = said.get("at")
    parts = [f"{at.astimezone(EXCHANGE_ZONE):%m-%d %H:%M:%S} CT"] if at is not None else []
    parts += [str(said["level"]).upper(), str(said["event"])]
    parts += [text] if text else []
    parts += [
        f"{name}={_shown(value)}"
        for name, value in said.items()
        if name not in _SAID_ALREADY and value is not None and str(value) not in text
    ]
    return harmless(" ".join(parts))


def harmless(text: str) -> str:
    """Return a text as one line: spaces joined, control characters written out, secrets masked."""
    if len(text) > TEXT_CHARACTERS_MAX:
        text = text[: TEXT_CHARACTERS_MAX - 1] + "…"
    joined = masked(" ".join(text.split()))
    if joined.isprintable():
        return joined
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in joined)


def with_ids(said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a line with the cycle that it concerns, and its trace, where it concerns one.

    A line that names an order of ours, or a cycle in its text, concerns that one.
    """
    cycle_id = said.get("cycle_id") or _named(said)
    if not isinstance(cycle_id, str) or not _CYCLE.fullmatch(cycle_id):
        return said
    return {**said, "cycle_id": cycle_id, "trace_id": trace_hex(cycle_id)}


def _named(said: Mapping[str, Any]) -> str | None:
    parts = parse_ref(str(said.get("ref") or ""))
    if parts is not None:
        return parts.cycle_id
    found = _CYCLE.search(str(said.get("text") or "")[:TEXT_CHARACTERS_MAX])
    return None if found is None else found[0]


def json_line(said: Mapping[str, object]) -> str:
    """Return what was said as one JSON object: `at` in UTC, `level`, `code`, `text`, the rest.

    Everything beyond ASCII is escaped, so that a line has one end, whoever reads it.
    """
    told: dict[str, object] = {}
    at = said.get("at")
    if isinstance(at, datetime):
        told["at"] = at.astimezone(UTC).isoformat()
    told["level"], told["code"] = str(said.get("level")), harmless(str(said.get("event")))
    rest = ((key, value) for key, value in said.items() if key not in ("at", "level", "event"))
    for key, value in list(rest)[:FIELDS_MAX]:
        if value is not None:
            told[harmless(key)] = _valued(value)
    return json.dumps(told, ensure_ascii=True, allow_nan=False)


def _valued(value: object) -> object:
    if isinstance(value, bool | int):
        return value
    return harmless(_shown(value))


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@contextmanager
def quiet() -> Iterator[None]:
    """Say nothing meanwhile of what the days log: their pages are their business."""
    before = structlog.get_config()["wrapper_class"]
    silent_below = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        logging.disable(silent_below)
        structlog.configure(wrapper_class=before)
