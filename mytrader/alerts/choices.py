"""What the settings say about alerts: the token, whom to tell, what to tell, what to hide.

The token comes from the environment, or from a file that nobody else can read.
"""

import os
import re
import stat
from pathlib import Path
from typing import Final

from mytrader.alerts.message import Kind
from mytrader.alerts.messages import Wanted
from mytrader.domain.commands import AlertLevel
from mytrader.errors import BadInput
from mytrader.service_settings import TelegramSettings
from mytrader.settings import Settings

VARIABLE: Final = "MYTRADER__TELEGRAM__TOKEN"
PAGE: Final = "docs/runbooks/alerts.md"
_SECRET_SOURCES: Final = ("environment", "default")
_FORM: Final = re.compile(r"[0-9]{5,20}:[A-Za-z0-9_-]{20,64}", re.ASCII)
_BYTES_MAX: Final = 1024


def token_of(settings: Settings) -> str:
    """Return the token. Raises `BadInput`, which never repeats it."""
    telegram = settings.telegram
    source = settings.source("telegram.token")
    if telegram.token is not None and source not in _SECRET_SOURCES:
        raise BadInput(
            f"{source}: telegram.token: a token has no place in a settings file: give it as"
            f" {VARIABLE}, or name a file of mode 0600 in telegram.token_file"
        )
    if telegram.token is not None and telegram.token_file is not None:
        raise BadInput(f"telegram.token_file: {VARIABLE} is given too: keep one of them")
    if telegram.token is not None:
        return _formed(telegram.token.get_secret_value(), VARIABLE)
    if telegram.token_file is not None:
        path = telegram.token_file
        return _formed(_read(path), f"telegram.token_file: {path}")
    raise BadInput(
        f"telegram: there is no token: set {VARIABLE} or telegram.token_file (see {PAGE})"
    )


def chat_of(settings: Settings) -> str:
    """Return whom to tell. Raises `BadInput`."""
    if settings.telegram.chat_id is None:
        raise BadInput(
            "telegram.chat_id: is missing: write to your bot once, then `mytrader alerts test`"
            f" names the chats it knows (see {PAGE})"
        )
    return settings.telegram.chat_id


def mark_of(*, simulated: bool, shadow: bool) -> str:
    """Return what every message begins with: the world that it speaks of.

    None is without one: a mark that is missing must not look like a world of its own.
    """
    if simulated:
        return "SIMULATION SHADOW" if shadow else "SIMULATION"
    return "SHADOW" if shadow else "PAPER"


def secrets_of(settings: Settings, token: str = "") -> tuple[str, ...]:
    """Return the texts that no message may hold."""
    account, measured = settings.ib.account, settings.execution.oca_measured_account
    return tuple(text for text in (token, account, measured) if text)


def wanted_of(asked: TelegramSettings) -> Wanted:
    """Return what is to be told."""
    muted = frozenset(Kind(name) for name in asked.muted)
    return Wanted(AlertLevel(asked.level), muted, asked.refusals_every)


def _read(path: Path) -> str:
    where = f"telegram.token_file: {path}"
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BadInput(f"{where}: is not a file")
            if status.st_mode & 0o077:
                raise BadInput(f"{where}: others can read it: chmod 600 {path}")
            content = file.read(_BYTES_MAX)
    except OSError as error:
        raise BadInput(f"{where}: cannot be read: {error.strerror}") from None
    return content.decode("ascii", "replace")


def _formed(text: str, where: str) -> str:
    token = text.strip()
    if _FORM.fullmatch(token) is None:
        raise BadInput(
            f"{where}: is not a bot's token, which looks like 123456789:ABC…: ask @BotFather"
        )
    return token
