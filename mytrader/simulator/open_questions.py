"""What nobody outside knows of the real broker, answered by a seed.

A trader must live with either answer (TWS-PROTOCOL.md 12): over many seeds it meets all of them.
"""

import random

from msgspec import structs

from mytrader.simulator.faults import Faults, StopHome

_STOPS = (StopHome.USUAL, StopHome.USUAL, StopHome.BROKER, StopHome.EXCHANGE)
_QUEUES = (None, None, 3, 30)


def answered(faults: Faults, seed: int) -> Faults:
    """Return the faults with every open question answered, if they leave that to the seed."""
    if not faults.answers_by_seed:
        return faults
    chance = random.Random(f"open questions {seed}")  # noqa: S311 - repeatable is the point
    return structs.replace(
        faults,
        children_work_for_part=chance.random() < 0.5,
        refuse_marketable_stop_changes=chance.random() < 0.5,
        cancels_wait_for_open=chance.random() < 0.5,
        executions_since_midnight=chance.random() < 0.5,
        inactive_rejections=chance.random() < 0.5,
        stops=chance.choice(_STOPS),
        queue_ahead=chance.choice(_QUEUES),
    )
