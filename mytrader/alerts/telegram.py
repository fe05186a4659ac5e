"""The only file that speaks to Telegram; see `messenger` for the thread that uses it.

The library is an extra and is imported when a bot is made. What it raises becomes an `Outcome`;
its texts may hold the token (its client's log lines always do), so none of them is passed on as
it is, and those logs are silent.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from mytrader.alerts.choices import chat_of, secrets_of, token_of, wanted_of
from mytrader.alerts.message import LOUDEST_FIRST
from mytrader.alerts.messages import Teller
from mytrader.alerts.messenger import Alerts
from mytrader.alerts.outbox import Accepted, Batch, Failed, Later, Outbox, Outcome, Rejected
from mytrader.alerts.wording import Veil, bold
from mytrader.domain.commands import AlertLevel
from mytrader.errors import BadInput, MissingExtra
from mytrader.runtime import monotonic_seconds
from mytrader.service_settings import TelegramSettings, is_loopback
from mytrader.settings import Settings

if TYPE_CHECKING:
    import telegram

CONNECTIONS: Final = len(LOUDEST_FIRST)
_TALKATIVE: Final = ("httpx", "httpcore", "telegram")
_CHATS_NAMED_MAX: Final = 5
_STALE: Final = "the token is not valid: take the present one from @BotFather"
_NO_CHAT: Final = (
    "there is no such chat for this bot: check telegram.chat_id, and write to it once"
)
_BLOCKED: Final = "the chat does not take messages of this bot: unblock it, or add it to the group"
_MOVED: Final = "the group became a supergroup: ask `mytrader alerts test` for its new chat_id"


class TelegramPost:
    """Carries batches into one chat. `secrets` are hidden in whatever is said of failures."""

    def __init__(self, bot: "telegram.Bot", chat_id: str, *, secrets: tuple[str, ...]) -> None:
        self._bot = bot
        self._chat_id = chat_id
        self._veil = Veil(secrets)

    async def send(self, batch: Batch) -> Outcome:
        """Send once. Quiet levels make no sound; addresses in the text are not looked at."""
        from telegram import LinkPreviewOptions, error  # noqa: PLC0415 - an extra

        try:
            await self._bot.send_message(
                self._chat_id,
                batch.text,
                parse_mode=None if batch.plain else "HTML",
                disable_notification=batch.level is AlertLevel.INFO,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except error.TelegramError as raised:
            return outcome_of(raised, self._veil)
        return Accepted()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._bot.request.shutdown()


def outcome_of(raised: "telegram.error.TelegramError", veil: Veil) -> Outcome:
    """Return what an error of the library means for what was sent."""
    from telegram import error  # noqa: PLC0415 - an extra

    said = veil.plain(raised.message, 120)
    outcome: Outcome = Failed(f"the Bot API cannot be reached ({said})")
    match raised:
        case error.RetryAfter():
            wait = raised.retry_after
            outcome = Later(wait.total_seconds() if isinstance(wait, timedelta) else float(wait))
        case error.InvalidToken():
            outcome = Rejected(_STALE, final=True)
        case error.Forbidden():
            outcome = Rejected(f"{_BLOCKED} ({said})", final=True)
        case error.ChatMigrated():
            outcome = Rejected(_MOVED, final=True)
        case error.BadRequest():
            absent = "chat not found" in said.lower()
            outcome = Rejected(f"{_NO_CHAT} ({said})" if absent else said, final=absent)
        case error.TimedOut():
            outcome = Failed("the Bot API does not answer in time")
    return outcome


def make_bot(telegram_settings: TelegramSettings, token: str) -> "telegram.Bot":
    """Return a bot. Raises `BadInput` when the extra is not installed."""
    # Opting in keeps the library from warning, in the middle of an error, of what it will change.
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    try:
        from telegram import Bot  # noqa: PLC0415 - an extra
        from telegram.request import HTTPXRequest  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtra("telegram.enabled", "python-telegram-bot", extra="telegram") from None
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    seconds = telegram_settings.timeout.total_seconds()
    # A proxy of the environment is for what is outside.
    here = is_loopback(urlsplit(telegram_settings.base_url).hostname or "")
    limits: dict[str, Any] = {"trust_env": not here}
    request = HTTPXRequest(
        connection_pool_size=CONNECTIONS,
        read_timeout=seconds,
        write_timeout=seconds,
        connect_timeout=seconds,
        pool_timeout=seconds,
        httpx_kwargs=limits,
    )
    base = f"{telegram_settings.base_url}/bot"
    return Bot(token, base_url=base, request=request, get_updates_request=request)


def open_alerts(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    mark: str = "",
    elapsed_s: Callable[[], float] = monotonic_seconds,
) -> Alerts | None:
    """Return the observer that tells people, its thread running; `None` while switched off.

    `now` is the trader's clock, `mark` the world that it trades in. Raises `BadInput` for settings
    with which nobody could be told.
    """
    asked = settings.telegram
    if not asked.enabled:
        return None
    token, chat_id = token_of(settings), chat_of(settings)
    secrets = secrets_of(settings, token)
    return Alerts(
        Teller(wanted_of(asked), name=asked.name or "", mark=mark, secrets=secrets),
        Outbox(asked.queue_max),
        TelegramPost(make_bot(asked, token), chat_id, secrets=secrets),
        now=now,
        elapsed_s=elapsed_s,
        drain_s=asked.drain.total_seconds(),
    )


# A test message


class Tested(Struct, frozen=True):
    """A test message was accepted: by which bot, and how long that took, milliseconds."""

    bot: str
    took_ms: float


def send_test(
    settings: Settings, text: str, *, elapsed_s: Callable[[], float] = monotonic_seconds
) -> Tested:
    """Send `text` as a test and return how long it took. Raises `BadInput` with what to mend."""
    token = token_of(settings)
    bot = make_bot(settings.telegram, token)
    return asyncio.run(_tested(bot, settings, text=text, elapsed_s=elapsed_s))


async def _tested(
    bot: "telegram.Bot", settings: Settings, *, text: str, elapsed_s: Callable[[], float]
) -> Tested:
    from telegram import error  # noqa: PLC0415 - an extra

    veil = Veil(secrets_of(settings, bot.token))
    try:
        name = (await bot.get_me()).username
        if settings.telegram.chat_id is None:
            raise BadInput(await _chats_known(bot))
        began_s = elapsed_s()
        await bot.send_message(chat_of(settings), bold(text), parse_mode="HTML")
        return Tested(f"@{name}", (elapsed_s() - began_s) * 1000)
    except error.TelegramError as raised:
        raise BadInput(f"telegram: {_said(outcome_of(raised, veil))}") from None
    finally:
        await bot.request.shutdown()


def _said(outcome: Outcome) -> str:
    match outcome:
        case Later(seconds):
            return f"the Bot API asks for {seconds:g} s of silence: try again after that"
        case Failed(why):
            return f"{why}: check the network and telegram.base_url"
        case Rejected(why):
            return why
        case Accepted():
            return "accepted"


async def _chats_known(bot: "telegram.Bot") -> str:
    """Return one line about who wrote to the bot lately: one of them is the chat to set."""
    chats = {}
    for update in await bot.get_updates(timeout=0, limit=100):
        chat = update.effective_chat
        if chat is not None:
            chats[chat.id] = chat.type
    if not chats:
        return (
            "telegram.chat_id: is missing, and nobody has written to the bot lately: write to it"
            " from the chat that is to be told, then try again"
        )
    named = [f"{number} ({kind})" for number, kind in chats.items()][-_CHATS_NAMED_MAX:]
    return f"telegram.chat_id: is missing: set it to one of {', '.join(named)}"
