"""When an entry may be made: the exchange's hours, the broker's reset, scheduled releases."""

from typing import Final

from mytrader.domain.orders import Verdict, refusal
from mytrader.domain.session import in_broker_reset
from mytrader.execution.entry_case import Case, passed

_OPEN: Final = passed("SESSION_CLOSED")
_TIME_LEFT: Final = passed("SESSION_END")
_NO_RESET: Final = passed("SESSION_RESET")
_NO_BLACKOUT: Final = passed("EVENT_BLACKOUT")


def session_is_open(case: Case) -> Verdict:
    """The exchange trades this contract now, by the broker's hours and by the calendar."""
    if case.session is None:
        return refusal("SESSION_CLOSED", f"no session contains {case.now:%Y-%m-%d %H:%M} UTC")
    return _OPEN


def session_has_time_left(case: Case) -> Verdict:
    """No entry in the last minutes of a session, half days and the daily halt included."""
    if case.session is None:
        return refusal("SESSION_END", "the end of the session is unknown")
    left = case.session[1] - case.now
    if left < case.limits.no_entry_before_close:
        return refusal("SESSION_END", f"{left} to the close")
    return _TIME_LEFT


def broker_is_not_reset(case: Case) -> Verdict:
    """No entry shortly before and during the broker's reset: reports of fills come late then."""
    if in_broker_reset(case.times.broker_second, margin_s=case.limits.reset_margin_s):
        return refusal("SESSION_RESET", f"the broker is reset around {case.now:%H:%M} UTC")
    return _NO_RESET


def no_release_is_near(case: Case) -> Verdict:
    """No entry around a scheduled release; a calendar that could not be read refuses always."""
    if case.limits.blackouts is None:
        return refusal("EVENT_BLACKOUT", "the calendar of releases is unknown")
    blackout = case.limits.blackout_at(case.now)
    if blackout is not None:
        until = f"{blackout.ends_at:%Y-%m-%d %H:%M} UTC"
        return refusal("EVENT_BLACKOUT", f"{blackout.name}, until {until}")
    return _NO_BLACKOUT
