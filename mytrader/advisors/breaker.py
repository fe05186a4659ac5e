"""A circuit breaker: a service that keeps failing is left alone for a while. Pure.

    CLOSED     every call is let through; so many failures in a row open it
    OPEN       no call is let through until the rest is over
    HALF_OPEN  one call tries; its success closes the breaker, its failure opens it again

A try that never ends must not keep the breaker half open for ever: after another rest the next
call may try. What ends late while the breaker is open says nothing about now and changes nothing.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace


class Phase(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker(Struct, frozen=True):
    """One service's breaker; every method returns what it has become.

    `failures_max` is how many in a row open it, `rest` how long it then stays open. `since` is
    when the present phase began.
    """

    failures_max: int
    rest: timedelta
    phase: Phase = Phase.CLOSED
    failures: int = 0
    since: datetime | None = None

    def admit(self, now: datetime) -> "Breaker | None":
        """Let a call through, or return `None`: it must not be made."""
        if self.phase is Phase.CLOSED:
            return self
        if self.since is not None and now - self.since < self.rest:
            return None
        return replace(self, phase=Phase.HALF_OPEN, since=now)

    def succeeded(self) -> "Breaker":
        """Take in that the service answered."""
        if self.phase is Phase.OPEN:
            return self
        return replace(self, phase=Phase.CLOSED, failures=0, since=None)

    def failed(self, now: datetime) -> "Breaker":
        """Take in that the service failed."""
        if self.phase is Phase.OPEN:
            return self
        failures = self.failures + 1
        if self.phase is Phase.CLOSED and failures < self.failures_max:
            return replace(self, failures=failures)
        return replace(self, phase=Phase.OPEN, failures=failures, since=now)
