"""Through the real client and the simulated gateway: what people would have been told."""

import pytest

from mytrader.alerts.message import Message
from mytrader.alerts.messages import Teller
from mytrader.alerts.messenger import Alerts
from mytrader.alerts.outbox import Accepted, Batch, Outbox, Outcome
from mytrader.alerts.wording import without_tags
from mytrader.domain.commands import AlertLevel
from mytrader.domain.events import OperatorAsked, Request
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Side
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.trade_cycle import step
from mytrader.runtime import monotonic_seconds
from mytrader.simulator.faults import Faults
from tests.scenarios.world import World, play


def told_by_record(world: World) -> list[Message]:
    """What a teller makes of the world's journal, as `mytrader alerts preview` does."""
    teller, state, told = Teller(), TraderState(limits=Limits()), list[Message]()
    for record in world.journal.read():
        state, _ = step(state, record.event, record.at)
        told += teller.seen(record.at, record.event, asked=record.commands, state=state)
    return told


async def one_emergency(world: World) -> None:
    """Enter, lose the stop, get the emergency stop, and leave."""
    await world.enter(Side.BUY)
    await world.pass_time(2)
    world.flatten()
    await world.until(lambda: world.ledger_position == 0)
    await world.pass_time(5)


@pytest.mark.slow
def test_the_second_emergency_stop_of_a_day_pages_and_its_message_says_so() -> None:
    """The kernel sets REDUCE_ONLY; the page is in the record and is worded."""
    told: list[Message] = []

    async def script(world: World) -> None:
        await one_emergency(world)
        world.manager.handle(OperatorAsked(Request.RESUME, "a person"))
        await world.pass_time(5)
        assert world.state.mode_why == "", "the person has resumed"
        world.raise_signal(Side.SELL)
        await world.until(lambda: world.state.day.emergency_stops == 2, seconds=10)
        assert world.state.mode is Mode.REDUCE_ONLY
        told.extend(told_by_record(world))

    play(script, faults=Faults(reject_child_stops=2))
    pages = [message for message in told if message.level is AlertLevel.PAGE]
    assert [page.code for page in pages].count("EMERGENCY_STOP_PLACED") == 2
    placed = [page for page in pages if page.code == "EMERGENCY_STOP_PLACED"]
    assert "EMERGENCY_STOP_REPEATED" in [page.code for page in pages]
    second = without_tags(placed[-1].html)
    assert "emergency stop 2 of this day; mode REDUCE_ONLY" in second
    mode = without_tags([page for page in pages if page.code == "MODE_REDUCE_ONLY"][-1].html)
    assert "mytrader resume --code CODE" in mode


class Chat:
    """Accepts everything, in memory."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def send(self, batch: Batch) -> Outcome:
        """Accept."""
        self.texts.append(without_tags(batch.text))
        return Accepted()

    async def close(self) -> None:
        """Nothing to let go of."""


@pytest.mark.slow
def test_beside_a_trader_in_virtual_time_a_thread_of_its_own_tells_everything() -> None:
    """The virtual loop refuses threads of its own; this one is not, and the run is the same."""
    chat = Chat()
    records: list[list[object]] = []

    def run(*, observed: bool) -> None:
        async def script(world: World) -> None:
            alerts = Alerts(
                Teller(), Outbox(200), chat, now=world.runtime.now, elapsed_s=monotonic_seconds
            )
            if observed:
                world.manager.observe(alerts)
            await one_emergency(world)
            records.append(
                [(each.at, each.event, each.commands) for each in world.journal.records]
            )
            ending = alerts.close(5)
            assert ending.complete, ending

        play(script, faults=Faults(reject_child_stops=1))

    run(observed=False)
    chat.texts.clear()
    run(observed=True)
    text = "\n".join(chat.texts)
    for code in ("ENTRY", "EMERGENCY_STOP_PLACED", "EXIT", "MODE_REDUCE_ONLY", "DAY"):
        assert f" {code}" in text, text
    assert records[0] == records[1], "who is told changes nothing of what is done"
