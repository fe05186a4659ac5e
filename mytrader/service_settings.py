"""Settings of what hangs beside the line: advisors, memory, learning, alerts, telemetry.

With all of it off, or dead, the trader enters less and protects the same.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mytrader.setting_types import Count, Duration, Guard, Number, Section, duration, span


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
    if parts.scheme == "http" and not _is_this_machine(host):
        raise ValueError("is not encrypted and leads away from this machine: use https")
    return text


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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


class TelegramSettings(Section):
    """Alerts to a telephone; never in the path of an order."""

    enabled: bool = Field(default=False, description="needs token and chat_id")


class TelemetrySettings(Section):
    """Traces and metrics for other programs; nothing is opened or sent unless asked for."""

    enabled: bool = Field(default=False, description="traces and metrics")
