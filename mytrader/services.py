"""Makes what hangs beside the line, if the settings ask for it. It contains no decisions.

Packages that only some need are imported here, when they are needed, and missed in one line.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from mytrader.domain.decision import AdvisorCall
from mytrader.errors import BadInput
from mytrader.ports import Runtime
from mytrader.runtime import random_fraction
from mytrader.service_settings import AwsAgentsSettings

if TYPE_CHECKING:
    from mytrader.advisors.bedrock_seats import Bedrock


def open_bedrock(
    settings: AwsAgentsSettings,
    runtime: Runtime,
    noted: Callable[[str, AdvisorCall], None],
    *,
    past: Iterable[tuple[datetime, AdvisorCall]] = (),
    chance: Callable[[], float] = random_fraction,
) -> "Bedrock | None":
    """Return the advisors on Bedrock, `None` where they are not enabled.

    `noted` is told cycle and end of every call; `past` are the calls of the journal, which have
    been paid from the day's budget; `chance` spreads the pauses between attempts. Opens nothing
    yet: await `start` of what is returned, and call its `close` before the journal is closed.
    Raises `BadInput` where boto3 is not installed.
    """
    if not settings.enabled:
        return None
    try:
        from mytrader.advisors.bedrock_seats import (  # noqa: PLC0415 - boto3 is an extra, and slow
            Bedrock,
            fresh_budget,
        )
    except ImportError as error:
        raise BadInput(
            f"aws_agents.enabled: {error.name} is not installed: install mytrader[aws], "
            "or set aws_agents.enabled: false"
        ) from None
    budget = fresh_budget(settings).restored(past, runtime.now())
    return Bedrock(settings, runtime, noted=noted, chance=chance, budget=budget)
