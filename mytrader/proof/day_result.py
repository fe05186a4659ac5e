"""What came of one simulated day, small enough to be sent between machines."""

import hashlib
from typing import Any, Final

import msgspec
from msgspec import Struct

from mytrader.proof.day_script import DayScript
from mytrader.proof.umpire import Violation

_ENCODER: Final = msgspec.json.Encoder(order="deterministic", decimal_format="string")


class DayResult(Struct, frozen=True):
    """The verdict of a day and what happened on it.

    `digest` is over the journal's head hash and everything the exchange executed: equal seeds
    make equal digests. `families` counts the faults that fired, `fired` each of them by name.
    `bare_s` are the unprotected intervals in seconds by the exchange's truth, the longest first,
    `answerable_s` the parts of them in which the trader ran and knew, `unanswered_s` the longest
    stretch of each in which it had neither paged nor halted nor was leaving. `events` is how often
    the umpire looked, `last` the last of what it saw. `simulated_s` is the length of the day.
    """

    script: DayScript
    violations: tuple[Violation, ...]
    digest: str
    families: dict[str, int]
    fired: dict[str, int]
    fills: dict[str, int]
    trades: int
    starts: int
    pages: dict[str, int]
    bare_s: tuple[float, ...]
    answerable_s: tuple[float, ...]
    unanswered_s: tuple[float, ...]
    events: int
    simulated_s: float
    last: tuple[str, ...] = ()

    @property
    def seed(self) -> int:
        """The seed of the day's script."""
        return self.script.seed


def digest(*parts: Any) -> str:  # noqa: ANN401 - whatever has a canonical JSON
    """Return a hash of values that is the same in every process."""
    return hashlib.sha256(_ENCODER.encode(parts)).hexdigest()
