"""Text that may be shown: foreign words made harmless, amounts and times as a desk writes them.

Telegram turns addresses, @names, /commands and #tags in a text into things to tap on, but not
within `<code>`: that is where everything stands that was written elsewhere.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from html import escape, unescape
from typing import Final

from mytrader.domain.limits import Limits
from mytrader.domain.session import EXCHANGE_ZONE

TEXT_UNITS_MAX: Final = 4096
"""What one message may hold, in the API's UTF-16 units; counted here with its tags."""

MESSAGE_UNITS_MAX: Final = 3900
"""What one of ours may hold: the rest is room for a note about others."""

FOREIGN_MAX: Final = 300
HIDDEN: Final = "[hidden]"
_LIMIT_SHOWN_FROM: Final = 100
"""A limit below this is a number like any other, and would hide them all."""

# Letters and marks that show nothing, beside Unicode's own category of formats.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_MARKS_IN_A_ROW: Final = 2
_TAG: Final = re.compile(r"</?(?:b|i|code)>")
_SECRETS: Final = re.compile(
    r"\b[A-Z]{1,3}[0-9]{5,10}\b"  # an account at the broker
    r"|\b[0-9]{5,}:[A-Za-z0-9_-]{20,}"  # a bot's token
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b|\b[0-9]{12}\b",  # a key or an account at AWS
    re.ASCII,
)


def units(text: str) -> int:
    """Return the length of a text as the API counts it."""
    return len(text) + sum(character > "\uffff" for character in text)


def cleaned(text: str) -> str:
    """Return one line without control, bidirectional, invisible or unassigned characters."""
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        marks = marks + 1 if category[0] == "M" else 0
        if character.isspace():
            kept.append(" ")
        elif category[0] not in "CZ" and character not in _INVISIBLE and marks <= _MARKS_IN_A_ROW:
            kept.append(character)
    return " ".join("".join(kept).split())


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` units, with … where something is missing."""
    if units(text) <= most:
        return text
    room, kept = most - 1, ""
    for character in text:
        room -= units(character)
        if room < 0:
            break
        kept += character
    return f"{kept}…"


class Veil:
    """Makes foreign words fit to be shown; hides accounts, tokens, keys, and the limits.

    `secrets` are texts that are hidden wherever they occur.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = [re.escape(secret) for secret in secrets if secret]
        self._limits: Limits | None = None
        self._hidden = self._pattern([])

    def hide_limits(self, limits: Limits) -> None:
        """Hide these limits from now on."""
        if limits is self._limits:
            return
        self._limits = limits
        amounts = (
            limits.loss_usd_trade_max,
            limits.loss_usd_daily_max,
            limits.drawdown_usd_max,
            limits.net_usd_per_point_max,
            limits.margin_excess_usd_min,
        )
        large = [usd for usd in amounts if usd.is_finite() and usd >= _LIMIT_SHOWN_FROM]
        self._hidden = self._pattern(large)

    def _pattern(self, amounts: Sequence[Decimal]) -> re.Pattern[str]:
        spelled = {text for usd in amounts for text in _spellings(usd)}
        numbers = "|".join(re.escape(text) for text in sorted(spelled, key=len, reverse=True))
        parts = [*self._secrets, _SECRETS.pattern]
        parts += [rf"(?<![\d.,])(?:{numbers})(?!\d|[.,]\d)"] if numbers else []
        return re.compile("|".join(parts), re.ASCII)

    def plain(self, text: object, most: int = FOREIGN_MAX) -> str:
        """Return foreign text as one harmless line, not yet escaped."""
        # Nobody reads a thousand times of what is shown, and nobody should wait for it.
        line = cleaned(str(text)[: 8 * FOREIGN_MAX])
        return cut(self._hidden.sub(HIDDEN, line), most)

    def foreign(self, text: object, most: int = FOREIGN_MAX) -> str:
        """Return foreign text as HTML in which nothing can be tapped; "" for no text."""
        line = self.plain(text, most)
        return code(line) if line else ""


def _spellings(usd: Decimal) -> Iterable[str]:
    yield from (f"{usd:f}", f"{usd:.2f}", f"{usd:,.2f}", f"{usd:,f}", f"{usd:.0f}", f"{usd:,.0f}")
    yield f"{usd.normalize():f}"


def code(text: str) -> str:
    """Return text as it is to be typed."""
    return f"<code>{escape(text, quote=False)}</code>"


def bold(text: str) -> str:
    """Return text of ours in bold."""
    return f"<b>{escape(text, quote=False)}</b>"


def joined(lines: Iterable[str], *, between: str = "\n", most: int = MESSAGE_UNITS_MAX) -> str:
    """Return the lines that fit, whole: a line that was cut could end within a tag."""
    kept: list[str] = []
    every = [line for line in lines if line]
    used, room = 0, most - len("\n…")
    for line in every:
        used += units(line) + len(between)
        if used - len(between) > (most if len(kept) + 1 == len(every) else room):
            return between.join(kept) + "\n…"
        kept.append(line)
    return between.join(kept)


def without_tags(html: str) -> str:
    """Return what a message of ours says, for a terminal or for a server that rejects tags."""
    return unescape(_TAG.sub("", html))


# As a desk writes


def clock(at: datetime) -> str:
    """Return the time at the exchange."""
    return f"{at.astimezone(EXCHANGE_ZONE):%H:%M:%S} CT"


def dollars(amount: Decimal, *, signed: bool = False) -> str:
    """Return dollars and cents."""
    sign = "-" if amount < 0 else "+" if signed else ""
    return f"{sign}${abs(amount):,.2f}"


def points(price: Decimal) -> str:
    """Return a price in index points."""
    return f"{price:,.2f}"


def counted(number: int, noun: str) -> str:
    """Return a number of things."""
    if number == 1:
        return f"{number} {noun}"
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {many}"


def lasting(length: timedelta) -> str:
    """Return a length of time, exact to its two largest units."""
    seconds = max(round(length.total_seconds()), 0)
    shown = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        shown += [f"{number} {unit}"] if number else []
    return " ".join(shown[:2]) or "0 s"
