"""The seats that the settings name, at the panel, on the machine's clock and in virtual time."""

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.advisors.bedrock_seats import Bedrock, fresh_budget
from mytrader.advisors.panel import Panel
from mytrader.config import load_settings
from mytrader.domain.decision import Advice, AdvisorCall, AdvisorRole, Counsel
from mytrader.errors import InvariantBroken
from mytrader.runtime import SystemRuntime
from mytrader.service_settings import AwsAgentsSettings
from mytrader.simulator.bedrock_script import Deed, Step
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from tests.advisor_samples import NOW, QUESTION
from tests.bedrock_samples import AGENT, MODEL, Station, line, settings, station


@pytest.fixture(scope="module", name="bench")
def _bench() -> Iterator[Station]:
    with station() as made:
        yield made


def seats_of(**names: object) -> list[tuple[str, str]]:
    asked = AwsAgentsSettings.model_validate({"region": "us-east-1", **names})
    runtime = SystemRuntime(lambda *_: None)
    bedrock = Bedrock(asked, runtime, noted=lambda *_: None, chance=lambda: 0.0)
    return [(seat.name, seat.role) for seat in bedrock.seats]


def test_there_is_a_seat_for_every_role_that_is_named() -> None:
    assert seats_of(**AGENT, **MODEL) == [
        ("bedrock-decision", "decision"),
        ("bedrock-risk", "risk"),
    ]
    assert seats_of(**MODEL) == [("bedrock-risk", "risk")]
    assert seats_of() == []


def test_a_model_without_a_price_is_our_own_mistake() -> None:
    with pytest.raises(InvariantBroken, match="prices"):
        seats_of(risk_model_id="x")


def test_a_spent_day_is_spent_for_both(bench: Station) -> None:
    connected = bench.line(Deed.ANSWER)
    budget = fresh_budget(settings(bench.server.url))
    connected.bedrock.shared.budget = replace(budget, day=NOW.date(), calls_max=1)
    told = connected.ask(*AdvisorRole)
    assert [each.failure for each in told] == [None, "budget_spent"]


def test_the_panel_hears_both_at_once(bench: Station) -> None:
    connected = bench.line(Step(after_s=0.05))

    async def main() -> tuple[Counsel, float]:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        counsel = await Panel(connected.bedrock.seats, connected.runtime).ask(QUESTION)
        return counsel, loop.time() - began_s

    counsel, _ = asyncio.run(main())
    assert [each.decision for each in counsel.opinions] == [Advice.GO, Advice.GO]
    assert [each.failure for each in counsel.opinions] == [None, None]
    assert min(each.latency_ms for each in counsel.opinions) >= 50
    assert connected.outcomes == ["answered", "answered"]


def test_a_call_that_the_panel_gave_up_is_told_when_its_thread_ends(bench: Station) -> None:
    """The panel's deadline cancels the advisor; the request was sent and has its price."""
    connected = bench.line(Step(after_s=0.1))

    async def main() -> Counsel:
        panel = Panel(
            connected.bedrock.seats, connected.runtime, deadline=timedelta(milliseconds=30)
        )
        counsel = await panel.ask(QUESTION)
        assert connected.calls == []
        loop = asyncio.get_running_loop()
        for _ in range(100):
            if len(connected.calls) == 2:
                break
            await asyncio.wait([loop.create_future()], timeout=0.02)
        return counsel

    counsel = asyncio.run(main())
    assert [each.failure for each in counsel.opinions] == ["timeout", "timeout"]
    assert connected.outcomes == ["abandoned", "abandoned"]
    costs = {call.target.split("/", maxsplit=1)[0]: call.cost_usd for _, call in connected.calls}
    assert costs == {"agent": None, "model": Decimal("0.0036")}
    assert connected.failures == []


def test_closing_tells_of_calls_whose_end_nobody_will_see(bench: Station) -> None:
    connected = bench.line(Step(after_s=0.1))

    async def main() -> None:
        panel = Panel(
            connected.bedrock.seats, connected.runtime, deadline=timedelta(milliseconds=20)
        )
        await panel.ask(QUESTION)
        connected.bedrock.close()

    asyncio.run(main())
    assert connected.outcomes == ["abandoned", "abandoned"]
    assert [call.cost_usd for _, call in connected.calls] == [None, None]


def virtual(bench: Station, *, after_s: float, timeout: timedelta) -> tuple[Counsel, list[str]]:
    """Ask in virtual time, where the call is made inline and its real time passes."""
    bench.line(Step(after_s=after_s))
    calls: list[AdvisorCall] = []

    async def main(loop: VirtualLoop) -> Counsel:
        runtime = VirtualRuntime(loop, lambda *_: None, seed=1)
        bedrock = Bedrock(
            settings(bench.server.url, timeout=timeout),
            runtime,
            noted=lambda _, call: calls.append(call),
            chance=lambda: 0.5,
            door=bench.door,
        )
        await bedrock.start()
        counsel = await Panel(bedrock.seats, runtime, deadline=timeout).ask(QUESTION)
        await asyncio.sleep(10)
        return counsel

    counsel = run_virtual(main, epoch=NOW)
    return counsel, [call.outcome for call in calls]


def test_in_virtual_time_an_answer_takes_as_long_as_it_took(bench: Station) -> None:
    counsel, outcomes = virtual(bench, after_s=0.05, timeout=timedelta(seconds=2))
    assert [each.failure for each in counsel.opinions] == [None, None]
    assert all(50 <= each.latency_ms < 2000 for each in counsel.opinions)
    assert outcomes == ["answered", "answered"]


def test_in_virtual_time_a_late_answer_is_late_too(bench: Station) -> None:
    counsel, outcomes = virtual(bench, after_s=0.06, timeout=timedelta(milliseconds=50))
    assert [each.failure for each in counsel.opinions] == ["timeout", "timeout"]
    assert outcomes == ["abandoned", "abandoned"]


@pytest.mark.slow
def test_the_clients_are_made_before_the_first_question() -> None:
    with line(Deed.ANSWER) as (connected, _):

        async def main() -> float:
            await connected.bedrock.start()
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            assert (await connected.opine(AdvisorRole.RISK)).failure is None
            return loop.time() - began_s

        assert asyncio.run(main()) < 0.2


def test_aws_itself_answers_or_fails_by_a_word() -> None:
    """Costs a few cents. Needs `MYTRADER__AWS_AGENTS__…` and credentials in the environment."""
    asked = load_settings(environ=os.environ).aws_agents
    if not asked.enabled or asked.endpoint_url is not None:
        pytest.skip(
            "no AWS: set MYTRADER__AWS_AGENTS__ENABLED=true with region, ids and prices, "
            "and credentials for boto3's chain"
        )
    calls: list[AdvisorCall] = []
    runtime = SystemRuntime(lambda *_: None)
    patient = asked.model_copy(update={"timeout": timedelta(seconds=10)})
    bedrock = Bedrock(
        patient, runtime, noted=lambda _, call: calls.append(call), chance=lambda: 0.5
    )

    async def main() -> Counsel:
        await bedrock.start()
        return await Panel(bedrock.seats, runtime, deadline=timedelta(seconds=10)).ask(QUESTION)

    counsel = asyncio.run(main())
    bedrock.close()
    assert [each.failure for each in counsel.opinions] == [None] * len(bedrock.seats)
    assert {call.outcome for call in calls} == {"answered"}
