"""Price limits of the equity index futures: how far from the settlement they can trade.

Source: CME, S&P 500 price limits (SAFETY.md X5). Regular hours, 08:30 to 14:25 US Central: 7, 13
and 20 % down, each after a halt, and no limit up; to 15:00: 20 % down. All other hours: 7 % both
ways. The wider steps of 13 and 20 % come after a halt; whoever opens nothing near the first does
not need them.
"""

from typing import Final

_REGULAR_OPENS: Final = 8 * 60 + 30
_LAST_STEP_FROM: Final = 14 * 60 + 25
_REGULAR_CLOSES: Final = 15 * 60
_STEP_PERCENT: Final = 7
_LAST_STEP_PERCENT: Final = 20


def price_limits(settlement: int, exchange_minute: int) -> tuple[int, int | None]:
    """Return the nearest lower and upper limit in ticks; `None` where there is none above.

    `settlement` is the last one in ticks, positive; `exchange_minute` counts from midnight in
    Chicago. A limit between two ticks is put on the one that is nearer to the settlement.
    """
    regular = _REGULAR_OPENS <= exchange_minute < _REGULAR_CLOSES
    last_step = regular and exchange_minute >= _LAST_STEP_FROM
    percent = _LAST_STEP_PERCENT if last_step else _STEP_PERCENT
    low = -(-settlement * (100 - percent) // 100)
    return low, None if regular else settlement * (100 + percent) // 100
