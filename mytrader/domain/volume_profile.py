"""How an index future's volume spreads over the session, minute by minute.

The figures are measured: the mean over 18 full sessions of one-minute bars of ESZ5, 2025-11-03 to
2025-11-26, of each half hour's share of its session's volume. The holiday session and the half
day that followed are left out.
"""

from typing import Final

from mytrader.domain.session import SESSION_MINUTES

SLOT_MINUTES: Final = 30

_PARTS_PER_SLOT: Final = (
    *(44, 27, 41, 32, 46, 38, 30, 29, 27, 26, 29, 20, 27, 24, 25, 24),  # 17:00 to 01:00
    *(31, 34, 61, 46, 54, 47, 43, 37, 43, 44, 62, 73, 81, 106, 160),  # 01:00 to 08:30
    *(1068, 898, 768, 680, 613, 543, 498, 456, 444, 411, 438, 427, 998),  # 08:30 to 15:00
    *(291, 57),  # 15:00 to 16:00
)
_PARTS: Final = sum(_PARTS_PER_SLOT)
_SHARES: Final = tuple(parts / (_PARTS * SLOT_MINUTES) for parts in _PARTS_PER_SLOT)


def expected_share(minute_of_session: int) -> float:
    """Return the part of a session's volume that is expected in one minute of it.

    Minutes count from 17:00 US Central. The shares of minutes 0 to 1379 add up to 1; any other
    minute is outside the session and has none.
    """
    if not 0 <= minute_of_session < SESSION_MINUTES:
        return 0.0
    return _SHARES[minute_of_session // SLOT_MINUTES]
