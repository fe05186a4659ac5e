"""Settings of what hangs beside the line: advisors, memory, learning, alerts, telemetry.

With all of it off, or dead, the trader enters less and protects the same.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from mytrader.setting_types import Count, Duration, Guard, Number, Section, duration, span


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
    tighten_by_itself: bool = Field(
        default=True, description="less risk from the next start on; false: asks first"
    )
    min_trades: Count = Field(default=20, ge=20, le=1000, description="behind a proposal")
    proposal_days: Count = Field(default=14, ge=1, le=60, description="then a proposal ends")
    lookback_days: Count = Field(default=60, ge=1, le=3650, description="what is looked at")
    key_folder: Path = Field(
        default=Path("~/.config/mytrader"), description="key of the ledger; not beside it"
    )


class TelegramSettings(Section):
    """Alerts to a telephone; never in the path of an order."""

    enabled: bool = Field(default=False, description="needs token and chat_id")


class TelemetrySettings(Section):
    """Traces and metrics for other programs; nothing is opened or sent unless asked for."""

    enabled: bool = Field(default=False, description="traces and metrics")
