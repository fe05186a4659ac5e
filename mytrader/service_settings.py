"""Settings of what hangs beside the line: advisors, memory, learning, alerts, telemetry.

With all of it off, or dead, the trader enters less and protects the same.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from mytrader.setting_types import (
    Count,
    Dollars,
    Duration,
    Guard,
    Number,
    Section,
    duration,
    span,
)


def _https_or_loopback(url: str) -> str:
    """Return a URL that no question can leak through; raises `ValueError`."""
    parts = urlsplit(url)
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if not parts.hostname or not bare:
        raise ValueError('must be a scheme, a host and a port, such as "https://host:443"')
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must be https, or http on this machine alone")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host, as a URL names it, can only be this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


AgentId = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,10}$")]
ModelId = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.:/_-]{0,2047}$")]
Url = Annotated[str, AfterValidator(_https_or_loopback)]

AWS_ROLES: Final = ("decision", "risk", "learning")


def _index_url(text: str) -> str:
    """Hold an address against what may be spoken to: encrypted, or this machine itself."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no address, such as https://search.example:9200") from None
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment:
        raise ValueError("is no address, such as https://search.example:9200")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "holds a name or a password: put them into OPENSEARCH_USERNAME and"
            " OPENSEARCH_PASSWORD of the environment"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("is not encrypted and leads away from this machine: use https")
    return text


_CHAT: Final = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{4,31}", re.ASCII)


def _collector(text: str) -> str:
    """Return the address of a collector that is secret on the way, or never leaves the machine."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is no address, such as http://127.0.0.1:4318") from None
    printable = text.isascii() and text.isprintable() and " " not in text
    if not host or port == 0 or parts.scheme not in ("http", "https") or not printable:
        raise ValueError("is no address, such as http://127.0.0.1:4318")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError(
            "holds more than host, port and path: credentials belong to the collector"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("leaves this machine unencrypted: use https, or a collector on 127.0.0.1")
    return text


CollectorAddress = Annotated[str, AfterValidator(_collector)]
LogPath = Annotated[Path, AfterValidator(Path.expanduser)]


class AwsAgentsSettings(Section):
    """Advice, which can only subtract permission. AWS is asked only when it is enabled."""

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
    enabled: bool = Field(default=False, description="ask Bedrock; docs/runbooks/aws.md")
    region: Annotated[str, Field(pattern=r"^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$")] | None = Field(
        default=None, description="such as us-east-1"
    )
    endpoint_url: Url | None = Field(
        default=None, description="null: AWS's own; https or loopback"
    )
    decision_agent_id: AgentId | None = Field(default=None, description="an agent, or a model")
    decision_agent_alias_id: AgentId | None = Field(default=None, description="of that agent")
    decision_model_id: ModelId | None = Field(default=None, description="a model, or an agent")
    risk_agent_id: AgentId | None = Field(default=None, description="an agent, or a model")
    risk_agent_alias_id: AgentId | None = Field(default=None, description="of that agent")
    risk_model_id: ModelId | None = Field(default=None, description="a model, or an agent")
    learning_agent_id: AgentId | None = Field(default=None, description="never asked in a session")
    learning_agent_alias_id: AgentId | None = Field(default=None, description="of that agent")
    learning_model_id: ModelId | None = Field(default=None, description="never asked in a session")
    attempts_max: Count = Field(default=2, ge=1, le=5, description="for one question, in time")
    breaker_failures: Count = Field(default=3, ge=1, le=100, description="in a row open a breaker")
    breaker_rest: Annotated[Duration, span("1 s", "1 h")] = Field(
        default=duration("30 s"), description="before one call tries again"
    )
    calls_per_day_max: Count = Field(default=500, ge=1, le=100_000, description="a day of UTC")
    cost_per_day_max: Dollars = Field(
        default=Decimal(5), gt=0, le=1000, description="dollars, a day of UTC"
    )
    price_in_usd_per_mtok: Dollars | None = Field(
        default=None, ge=0, le=1000, description="dollars, of the dearest model"
    )
    price_out_usd_per_mtok: Dollars | None = Field(
        default=None, ge=0, le=1000, description="dollars, of the dearest model"
    )
    agent_call_usd: Dollars = Field(
        default=Decimal("0.05"), gt=0, le=100, description="an agent's call, which tells no tokens"
    )
    reply_tokens_max: Count = Field(default=400, ge=100, le=4096, description="of a model's reply")
    cache_ttl: Annotated[Duration, span("1 s", "1 h")] = Field(
        default=duration("60 s"), description="age of a cached opinion"
    )
    cache_entries: Count = Field(default=128, ge=1, le=10_000, description="opinions kept")


def aws_agents_conflicts(agents: AwsAgentsSettings) -> Iterator[tuple[str, str]]:
    """Yield (name, problem) for values that are fine alone and impossible together."""
    models = False
    for role in AWS_ROLES:
        agent = getattr(agents, f"{role}_agent_id")
        alias = getattr(agents, f"{role}_agent_alias_id")
        model = getattr(agents, f"{role}_model_id")
        models = models or model is not None
        if agent is not None and model is not None:
            yield f"aws_agents.{role}_model_id", "is beside an agent: name one of the two"
        if (agent is None) != (alias is None):
            named = f"aws_agents.{role}_agent_{'alias_' if agent is None else ''}id"
            yield named, "an agent is named by its id and its alias's id, both"
    if not agents.enabled:
        return
    if agents.region is None:
        yield "aws_agents.region", "is needed when aws_agents.enabled is true"
    asked = [
        getattr(agents, f"{role}_{kind}_id")
        for role in ("decision", "risk")
        for kind in ("agent", "model")
    ]
    if not any(asked):
        yield "aws_agents.enabled", "needs an agent or a model for decision or risk"
    for price in ("price_in_usd_per_mtok", "price_out_usd_per_mtok"):
        if models and getattr(agents, price) is None:
            yield f"aws_agents.{price}", "is needed with a model: the day's budget counts in it"


class RagSettings(Section):
    """The memory of past trades; it can be made again from the journal at any time."""

    path: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        default=None, description="its file; null: <journal>.memory"
    )
    documents_max: Count = Field(
        default=100_000, ge=100, le=1_000_000, description="trades kept; beyond, the oldest goes"
    )
    neighbours: Count = Field(
        default=10, ge=5, le=100, description="similar trades that are asked for"
    )
    opensearch_enabled: bool = Field(default=False, description="a k-NN index instead of ours")
    opensearch_url: Annotated[str, AfterValidator(_index_url)] = Field(
        default="https://localhost:9200",
        description="https, or http on this machine",
    )
    opensearch_index: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")] = Field(
        default="mytrader-trades", description="name of the index, small letters"
    )
    opensearch_ca: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        default=None, description="certificates to trust; null: those of the system"
    )
    opensearch_timeout: Annotated[Duration, span("10 ms", "5 s")] = Field(
        default=duration("800 ms"), description="at most 0.45 of aws_agents.timeout is used"
    )
    cache_ttl: Annotated[Duration, span("1 s", "1 h")] = Field(
        default=duration("120 s"), description="age of a cached answer"
    )
    cache_entries: Count = Field(default=128, ge=1, le=100_000, description="answers kept")


class LearningSettings(Section):
    """What is learned from closed trades; it proposes and never changes."""

    enabled: bool = Field(default=True, description="look at each day when it is over")
    tighten_by_itself: bool = Field(
        default=True, description="less risk from the next start on; false: asks first"
    )
    min_trades: Count = Field(default=20, ge=20, le=1000, description="behind a proposal")
    proposal_days: Count = Field(default=14, ge=1, le=60, description="then a proposal ends")
    lookback_days: Count = Field(default=60, ge=1, le=3650, description="what is looked at")
    key_folder: Path = Field(
        default=Path("~/.config/mytrader"), description="key of the ledger; not beside it"
    )


def _chat(value: object) -> object:
    """Return a chat as Telegram names it: a number, negative for a group, or @channel."""
    text = str(value).strip()
    if value is None or (not isinstance(value, bool) and _CHAT.fullmatch(text)):
        return value if value is None else text
    raise ValueError("must be the number of a chat, such as 123456789 or -1001234567890, or @name")


def _secure(url: str) -> str:
    """Return an address to which a token may be sent: by TLS, or within this machine."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (
        parts.scheme == "http" and is_loopback(parts.hostname or "")
    )
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
    """Traces, metrics and log lines for programs; nothing is opened or sent unless asked for."""

    enabled: bool = Field(default=False, description="false: nothing of what follows is done")
    otlp_endpoint: CollectorAddress | None = Field(
        default=None, description="collector of traces: https, or on this machine"
    )
    prometheus_port: Count | None = Field(
        default=None, ge=1, le=65535, description="metrics, on the loopback address only"
    )
    service_name: str = Field(
        default="mytrader",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="what traces are filed under",
    )
    log_file: LogPath | None = Field(default=None, description="every log line as JSON")
    log_file_max_mb: Count = Field(default=10, ge=1, le=1024, description="then a new one begins")
    log_files_kept: Count = Field(default=5, ge=1, le=100, description="older ones are deleted")
