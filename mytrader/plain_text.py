"""Strangers' words made fit to be shown: one line of what can be seen, and nothing that acts.

What a broker, a model, a memory or a strategy says may hold anything: escape sequences that a
terminal obeys, line ends that forge a line of ours, characters that turn the reading order.
"""

import json
import re
from decimal import Decimal
from typing import Final

RECORDED_CHARACTERS_MAX: Final = 500
MASK: Final = "********"

_SECRETS: Final = re.compile(
    r"(?<![A-Z0-9])(?:D?[UFI]\d{5,9}[A-Z]?|DU[A-Z]?\d{5,9}|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,20})"
    r"(?![A-Z0-9])"
    r"|(?<!\d)\d{5,}:[A-Za-z0-9_-]{20,}",
    re.ASCII,
)
"""Account numbers of the broker (live, paper, adviser, sub-accounts), ids of AWS keys, tokens of
bots."""

_SECRET_WORDS: Final = ("secret", "password", "token")
_SECRET_KEYS: Final = re.compile(
    r"(?i)(aws_secret_access_key|aws_session_token|secret|password|token)(\s*[=:]\s*)(\S+)",
    re.ASCII,
)


def dollars(amount: Decimal | float) -> str:
    """Return an amount as a desk writes it: the sign before the dollar, thousands told apart."""
    return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"


def one_line(text: str, characters_max: int | None = None) -> str:
    """Return a text as one line: printable characters, single spaces, … where it was cut."""
    if not text.isprintable():
        text = "".join(each if each.isprintable() else " " for each in text)
    line = " ".join(text.split())
    if characters_max is None or len(line) <= characters_max:
        return line
    return line[: characters_max - 1] + "…"


def masked(text: str) -> str:
    """Return text without account numbers and keys."""
    text = _SECRETS.sub(MASK, text)
    # Looking for the words first costs a tenth of the expression, and they hardly ever come.
    lowered = text.lower()
    if any(word in lowered for word in _SECRET_WORDS):
        text = _SECRET_KEYS.sub(rf"\1\2{MASK}", text)
    return text


def on_record(text: str, characters_max: int = RECORDED_CHARACTERS_MAX) -> str:
    """Return what a stranger said as it may go on record, and from there into logs and exports.

    One plain line without account numbers and keys.
    """
    return one_line(masked(one_line(text)), characters_max)


def visible_json(text: str) -> str:
    """Return a JSON text, equal to whoever reads it, in which all that cannot be seen is escaped.

    The line ends between its members stay.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    seen = (each if each.isprintable() or each == "\n" else _escaped(each) for each in text)
    return "".join(seen)


def _escaped(character: str) -> str:
    # JSON need not escape this one.
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
