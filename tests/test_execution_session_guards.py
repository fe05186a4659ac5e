"""An entry needs an open session, time left in it, no reset of the broker, no release near."""

from datetime import UTC, datetime, timedelta

import pytest

from mytrader.domain.limits import Blackout
from mytrader.execution.entry_case import Case, open_case
from tests.domain_samples import ES_DECEMBER, NOON
from tests.guard_samples import SESSION, a_case, a_proposal, a_trader, in_limits, refusals

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)
CLOSE = timedelta(minutes=15)


def before_close(left: timedelta) -> Case:
    """Return the sample case with the session's close ahead."""
    return a_case(sessions={ES_DECEMBER: ((NOON - 9 * SECOND, NOON + left),)})


def opening(at: datetime) -> Case:
    """Return the sample case with a session that opens at a moment."""
    return a_case(sessions={ES_DECEMBER: ((at, SESSION[1]),)})


def released(begins: timedelta, ends: timedelta) -> Case:
    """Return the sample case around a release."""
    blackout = Blackout(NOON + begins, NOON + ends, "a release")
    return in_limits(blackouts=(blackout,))


def at(now: datetime) -> Case:
    """Return the sample proposal at another time."""
    return open_case(a_proposal(), a_trader(), now=now)


EDGES: list[tuple[str, Case, Case | None]] = [
    ("SESSION_CLOSED", a_case(sessions={ES_DECEMBER: ((NOON - SECOND, NOON),)}), None),
    ("SESSION_CLOSED", a_case(sessions={}), None),
    ("SESSION_CLOSED", opening(NOON + TICK), opening(NOON)),
    ("SESSION_END", before_close(CLOSE - TICK), before_close(CLOSE)),
    ("SESSION_END", before_close(CLOSE - SECOND), before_close(CLOSE + SECOND)),
    # In winter 00:15 in New York is 05:15 UTC; a quarter of an hour before it, to 01:45.
    (
        "SESSION_RESET",
        at(datetime(2025, 11, 12, 5, tzinfo=UTC)),
        at(datetime(2025, 11, 12, 4, 59, 59, tzinfo=UTC)),
    ),
    (
        "SESSION_RESET",
        at(datetime(2025, 11, 12, 6, 44, 59, 999_999, tzinfo=UTC)),
        at(datetime(2025, 11, 12, 6, 45, tzinfo=UTC)),
    ),
    # In summer the same times are an hour earlier in UTC.
    (
        "SESSION_RESET",
        at(datetime(2025, 7, 2, 4, tzinfo=UTC)),
        at(datetime(2025, 7, 2, 5, 45, tzinfo=UTC)),
    ),
    ("EVENT_BLACKOUT", released(timedelta(), SECOND), released(TICK, SECOND)),
    ("EVENT_BLACKOUT", released(-SECOND, TICK), released(-SECOND, timedelta())),
    ("EVENT_BLACKOUT", in_limits(blackouts=None), in_limits(blackouts=())),
]


@pytest.mark.parametrize(("code", "spoiled", "allowed"), EDGES)
def test_a_guard_refuses_beyond_its_limit_and_passes_at_it(
    code: str, spoiled: Case, allowed: Case | None
) -> None:
    assert code in refusals(spoiled)
    assert allowed is None or code not in refusals(allowed)


def test_a_calendar_that_nobody_could_read_opens_nothing() -> None:
    """Unknown releases are not no releases."""
    assert refusals(in_limits(blackouts=None)) == {"EVENT_BLACKOUT"}
