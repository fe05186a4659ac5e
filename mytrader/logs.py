"""Log lines on standard error: one line each, in simulated time where time is simulated.

Whoever logs gives the time as `at`; a line without it happened before there was a clock.
"""

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import structlog

from mytrader.domain.session import EXCHANGE_ZONE

_SAID_ALREADY: Final = ("level", "event", "text", "at")


class CurrentStderr:
    """Standard error as it is at the moment of writing: a progress bar stands in for it."""

    def write(self, text: str) -> int:
        """Write to it."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush it."""
        sys.stderr.flush()


def set_up(*, verbose: bool) -> None:
    """Show warnings and worse, with `verbose` what is normal too."""
    level = logging.INFO if verbose else logging.WARNING
    stream = CurrentStderr()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    ours = logging.getLogger("mytrader")
    ours.handlers[:] = [handler]
    ours.setLevel(level)
    # The client's own log says nothing that ours does not, and says it with account numbers.
    logging.getLogger("ib_async").setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[structlog.processors.add_log_level, line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=stream),  # type: ignore[arg-type]  # it writes and flushes, no more is asked
    )


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
    return " ".join(" ".join(parts).split())


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
