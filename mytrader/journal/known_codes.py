"""The closed sets of words that label a metric: nothing a stranger says makes a new series.

Whoever adds a guard, a reason or an outcome adds its word here; a test holds the refusals to what
the guards can say. A word that is not here is counted as "other".
"""

from collections.abc import Collection
from typing import Final

OTHER: Final = "other"

ENTRY_REFUSALS: Final = (
    "AWS_WAIT",
    "BRACKET_MISMATCH",
    "BRACKET_ORIENTATION",
    "BRACKET_TOO_CLOSE",
    "CLOCK_SKEW",
    "CLOSED_BY_RULE",
    "CONTRACT_NOT_ALLOWED",
    "COOLDOWN",
    "CROSSED_BOOK",
    "DAILY_LOSS",
    "DELAYED_DATA",
    "DRAWDOWN",
    "DUPLICATE_SIGNAL",
    "EVENT_BLACKOUT",
    "FOREIGN_ORDER",
    "LOSS_STREAK",
    "LOW_CONFIDENCE",
    "MARGIN",
    "MAX_LOSS_PER_TRADE",
    "MESSAGE_RATE",
    "MISSING_STOP",
    "MISSING_TARGET",
    "MODE",
    "NOT_WARM",
    "OFF_TICK",
    "OPPOSITE_ENTRY",
    "ORDER_SIZE",
    "POSITION_LIMIT",
    "POSITION_OPEN",
    "PRICE_COLLAR",
    "PRICE_LIMIT",
    "ROLL_WINDOW",
    "SESSION_CLOSED",
    "SESSION_END",
    "SESSION_RESET",
    "STALE_DATA",
    "TRADE_COUNT",
)
EXIT_REFUSALS: Final = (
    "CHANGE_PENDING",
    "DUPLICATE_ORDER",
    "EXIT_ALREADY_WORKING",
    "EXIT_EXCEEDS_POSITION",
    "EXIT_FAILED",
    "EXIT_NOT_REDUCE_ONLY",
    "EXIT_WHEN_FLAT",
    "EXIT_WITHOUT_CYCLE",
    "EXIT_WRONG_SIDE",
    "LINK_DOWN",
    "ORDER_DEAD",
    "ORDER_SIZE",
    "POSITION_UNKNOWN",
    "SESSION_CLOSED",
    "STALE_DATA",
)
REFUSALS: Final = tuple(sorted({*ENTRY_REFUSALS, *EXIT_REFUSALS}))
UNWRITTEN: Final = tuple(sorted({*REFUSALS, "ORDER_ID", "SHADOW"}))
"""Why an order did not go out: the last check, the link, a number nobody knows, a shadow."""

CALL_OUTCOMES: Final = (
    "abandoned",
    "access_denied",
    "answered",
    "bad_checksum",
    "bad_request",
    "cut_stream",
    "no_credentials",
    "not_found",
    "quota_spent",
    "redirected",
    "server_error",
    "throttled",
    "timeout",
    "unreachable",
    "unreadable",
)
"""How a request to an advisor outside can end, `domain.decision.AdvisorCall`."""

ORDER_ACTIONS: Final = ("place", "change", "cancel")


def known(word: str, words: Collection[str]) -> str:
    """Return the word if it is one of `words`, else "other"."""
    return word if word in words else OTHER
