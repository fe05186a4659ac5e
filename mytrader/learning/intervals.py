"""How far a share or a mean may be off: intervals that keep small numbers quiet.

- Win share: the score interval. E. B. Wilson, "Probable inference, the law of succession, and
  statistical inference", Journal of the American Statistical Association 22 (1927), 209-212.
- Mean: the bootstrap percentile interval, expanded for small samples. T. C. Hesterberg, "What
  teachers should know about the bootstrap", The American Statistician 69 (2015), 371-386,
  section 4.1; B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
  Student's interval is taken where it is wider: a thousand resamples say little of far tails.
- Student's t is approximated by the expansion 26.7.5 of Abramowitz and Stegun (1964).

The bootstrap draws from a fixed seed and from the sorted values, so that an interval depends on
its values and on nothing else, least of all on their order.
"""

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, fmean, stdev
from typing import Final

from msgspec import Struct

SEED: Final = 20_251_212
RESAMPLES: Final = 1_000
SAMPLE_MIN: Final = 8
"""Fewer values than these have a mean and no interval: nothing can be said from them."""

RESAMPLED_MAX: Final = 150
"""Means of more values are normal enough for Student's interval, which is quicker."""

CONFIDENCE: Final = 0.95
_NORMAL: Final = NormalDist()


class Interval(Struct, frozen=True):
    """Both bounds, included."""

    low: float
    high: float

    @property
    def below_zero(self) -> bool:
        """Whether all of it is negative."""
        return self.high < 0

    @property
    def above_zero(self) -> bool:
        """Whether all of it is positive."""
        return self.low > 0


def corrected(confidence: float, comparisons: int) -> float:
    """Return the confidence of one interval so that it holds for all of `comparisons` together.

    Bonferroni's correction: who looks at twenty rows finds one that is special by chance.
    """
    return 1 - (1 - confidence) / max(comparisons, 1)


def win_share(wins: int, trades: int, *, confidence: float = CONFIDENCE) -> Interval | None:
    """Return Wilson's interval of a share; `None` below `SAMPLE_MIN` trades."""
    if trades < SAMPLE_MIN:
        return None
    z = _NORMAL.inv_cdf(0.5 + confidence / 2)
    share, squared = wins / trades, z * z
    middle = (share + squared / (2 * trades)) / (1 + squared / trades)
    spread = share * (1 - share) / trades + squared / (4 * trades * trades)
    half = z / (1 + squared / trades) * math.sqrt(spread)
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


def mean_interval(values: Sequence[float], *, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the interval of the mean; `None` below `SAMPLE_MIN` values."""
    count = len(values)
    if count < SAMPLE_MIN:
        return None
    t, mean = _student(confidence, count - 1), fmean(values)
    half = t * stdev(values) / math.sqrt(count)
    low, high = mean - half, mean + half
    if count <= RESAMPLED_MAX:
        tail = _NORMAL.cdf(-math.sqrt(count / (count - 1)) * t)
        means = _resampled(tuple(sorted(values)))
        skipped = int(tail * RESAMPLES)
        low, high = min(low, means[skipped]), max(high, means[-1 - skipped])
    return Interval(low, high)


@lru_cache(maxsize=64)
def _resampled(ordered: tuple[float, ...]) -> list[float]:
    """The means of all resamples in order; one group of trades may be a row of many tables."""
    chance = random.Random(SEED)  # noqa: S311 - statistics, not a secret
    count = len(ordered)
    return sorted(math.fsum(chance.choices(ordered, k=count)) / count for _ in range(RESAMPLES))


def _student(confidence: float, freedom: int) -> float:
    """Student's two-sided quantile, good to a hundredth from seven degrees of freedom on."""
    z = _NORMAL.inv_cdf(0.5 + confidence / 2)
    terms: tuple[float, ...] = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))
