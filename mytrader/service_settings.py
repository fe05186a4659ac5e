"""Settings of what hangs beside the line: advisors, memory, learning, alerts, telemetry.

With all of it off, or dead, the trader enters less and protects the same.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mytrader.setting_types import Count, Duration, Guard, Number, Section, duration, span


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
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("leaves this machine unencrypted: use https, or a collector on 127.0.0.1")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


CollectorAddress = Annotated[str, AfterValidator(_collector)]
LogPath = Annotated[Path, AfterValidator(Path.expanduser)]


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


class TelegramSettings(Section):
    """Alerts to a telephone; never in the path of an order."""

    enabled: bool = Field(default=False, description="needs token and chat_id")


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
