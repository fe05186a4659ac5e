"""Settings of what hangs beside the line: advisors, memory, learning, alerts, telemetry.

With all of it off, or dead, the trader enters less and protects the same.
"""

import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from mytrader.setting_types import Count, Duration, Guard, Number, Section, duration, span

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_CHAT: Final = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{4,31}", re.ASCII)


class AwsAgentsSettings(Section):
    """Advice, which can only subtract permission."""

    block_on_wait: Guard = Field(default=True, description="always true; false is ignored")
    wait_override_confidence: Number = Field(
        default=0.75,
        ge=0.75,
        le=1,
        description="0.75 to 1; an advisory WAIT yields only above it",
    )
    timeout: Annotated[Duration, span("10 ms", "10 s")] = Field(
        default=duration("2 s"), description="silence is a WAIT that binds"
    )


class RagSettings(Section):
    """The memory of past trades."""

    opensearch_enabled: bool = Field(default=False, description="a k-NN index instead of ours")
    cache_ttl: Annotated[Duration, span("1 s", "1 h")] = Field(
        default=duration("120 s"), description="age of a cached answer"
    )
    cache_entries: Count = Field(default=128, ge=1, le=100_000, description="answers kept")


class LearningSettings(Section):
    """What is learned from closed trades; it proposes and never changes."""

    enabled: bool = Field(default=True, description="look at each day when it is over")


def _chat(value: object) -> object:
    """Return a chat as Telegram names it: a number, negative for a group, or @channel."""
    text = str(value).strip()
    if value is None or (not isinstance(value, bool) and _CHAT.fullmatch(text)):
        return value if value is None else text
    raise ValueError("must be the number of a chat, such as 123456789 or -1001234567890, or @name")


def _secure(url: str) -> str:
    """Return an address to which a token may be sent: by TLS, or within this machine."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    odd = parts.username or parts.password or parts.query or parts.fragment or "{" in url
    if not safe or not parts.hostname or odd:
        raise ValueError("must be https://HOST, or http:// on this machine's own address")
    return url.rstrip("/")


def _words(value: object) -> object:
    return value.replace(",", " ").split() if isinstance(value, str) else value


MutedKind = Literal["advice", "entry", "exit", "link", "order", "refusal", "run", "summary"]


class TelegramSettings(Section):
    """Alerts to a telephone; never in the path of an order."""

    enabled: bool = Field(default=False, description="needs token and chat_id")
    token: SecretStr | None = Field(
        default=None,
        description="the bot's; from the environment only",
        json_schema_extra={"secret": True},
    )
    token_file: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        default=None, description="or a file with it, mode 0600"
    )
    chat_id: Annotated[str | None, BeforeValidator(_chat)] = Field(
        default=None, description="who is told", json_schema_extra={"secret": True}
    )
    base_url: Annotated[str, AfterValidator(_secure)] = Field(
        default="https://api.telegram.org", description="of the Bot API"
    )
    name: str | None = Field(
        default=None, min_length=1, max_length=24, description="of this trader, in every message"
    )
    level: Literal["info", "warning", "page"] = Field(
        default="info", description="and what is worse; pages always"
    )
    muted: Annotated[tuple[MutedKind, ...], BeforeValidator(_words)] = Field(
        default=(), description="kinds not told: entry, exit, refusal, …"
    )
    refusals_every: Annotated[Duration, span("1 min", "24 h")] = Field(
        default=duration("15 min"), description="repeated refusals, together"
    )
    queue_max: Count = Field(default=200, ge=10, le=10_000, description="messages that may wait")
    timeout: Annotated[Duration, span("500 ms", "30 s")] = Field(
        default=duration("4 s"), description="for one request to the API"
    )
    drain: Annotated[Duration, span("0 s", "60 s")] = Field(
        default=duration("5 s"), description="at the end, for what still waits"
    )


class TelemetrySettings(Section):
    """Traces and metrics for other programs; nothing is opened or sent unless asked for."""

    enabled: bool = Field(default=False, description="traces and metrics")
