"""What people are told: one message, its level, and the kind of thing it speaks of."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mytrader.domain.commands import AlertLevel

LOUDEST_FIRST: Final = (AlertLevel.PAGE, AlertLevel.WARNING, AlertLevel.INFO)


class Kind(StrEnum):
    """What a message speaks of. TROUBLE cannot be muted."""

    ADVICE = "advice"
    ENTRY = "entry"
    EXIT = "exit"
    LINK = "link"
    ORDER = "order"
    REFUSAL = "refusal"
    RUN = "run"
    SUMMARY = "summary"
    TROUBLE = "trouble"


class Message(Struct, frozen=True):
    """One thing to tell, as Telegram's HTML. `at` is the trader's time, aware UTC.

    Two messages with one `key`, shortly after each other, are one.
    """

    at: datetime
    level: AlertLevel
    kind: Kind
    code: str
    html: str
    key: str
    cycle_id: str | None = None
