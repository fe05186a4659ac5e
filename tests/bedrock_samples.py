"""A trader's advisors against a Bedrock on this machine."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from mytrader.advisors.bedrock import Door
from mytrader.advisors.bedrock_seats import Bedrock
from mytrader.domain.decision import AdvisorCall, AdvisorRole, Opinion, Question
from mytrader.runtime import SystemRuntime
from mytrader.service_settings import AwsAgentsSettings
from mytrader.simulator.bedrock_script import Deed, Script, Step
from mytrader.simulator.bedrock_server import BedrockServer
from tests.advisor_samples import QUESTION

AGENT = {"decision_agent_id": "AGENTID001", "decision_agent_alias_id": "ALIASID001"}
MODEL = {
    "risk_model_id": "anthropic.claude-sample-v1:0",
    "price_in_usd_per_mtok": 3,
    "price_out_usd_per_mtok": 15,
}
TIMEOUT = timedelta(milliseconds=200)


def settings(url: str, **changes: Any) -> AwsAgentsSettings:  # noqa: ANN401 - any setting
    """Both roles, one each way."""
    fields = {"enabled": True, "region": "us-east-1", "endpoint_url": url, **AGENT, **MODEL}
    return AwsAgentsSettings(**{**fields, **changes})


class Line:
    """The advisors at a server, and all that they told."""

    def __init__(self, url: str, *, door: Door | None = None, **changes: Any) -> None:  # noqa: ANN401 - any setting
        self.calls: list[tuple[str, AdvisorCall]] = []
        self.failures: list[object] = []
        self.runtime = SystemRuntime(lambda *failed: self.failures.append(failed))
        self.bedrock = Bedrock(
            settings(url, **changes),
            self.runtime,
            noted=lambda cycle_id, call: self.calls.append((cycle_id, call)),
            chance=lambda: 0.1,
            door=door,
        )

    async def opine(self, role: AdvisorRole, question: Question = QUESTION) -> Opinion:
        """Ask one role."""
        (seat,) = (seat for seat in self.bedrock.seats if seat.role is role)
        return await seat.advisor.opine(question, self.runtime.now())

    def ask(self, *roles: AdvisorRole, question: Question = QUESTION) -> list[Opinion]:
        """Ask on a loop of its own, one after the other."""

        async def main() -> list[Opinion]:
            await self.bedrock.start()
            return [await self.opine(role, question) for role in roles]

        return asyncio.run(main())

    @property
    def outcomes(self) -> list[str]:
        """How every call so far ended."""
        return [call.outcome for _, call in self.calls]


class Station:
    """A server and the clients for it, made once: making clients takes half a second."""

    def __init__(self, server: BedrockServer) -> None:
        self.server = server
        self.door = Door(settings(server.url))

    def line(self, *steps: Step | Deed, **changes: Any) -> Line:  # noqa: ANN401 - any setting
        """Let the server begin a script, and connect to it."""
        self.server.script = script(*steps)
        self.server.forget()
        return Line(self.server.url, door=self.door, **changes)


def script(*steps: Step | Deed) -> Script:
    """Return a script; a deed alone is done for ever, nothing is an answer for ever."""
    return Script(
        [Step(do=step) if isinstance(step, Deed) else step for step in steps or [Step()]]
    )


@contextmanager
def station() -> Iterator[Station]:
    """Serve, with both clients made."""
    with BedrockServer(script()) as server:
        made = Station(server)
        made.door.agents()
        made.door.models()
        yield made
        made.door.close()


@contextmanager
def line(*steps: Step | Deed, **changes: Any) -> Iterator[tuple[Line, BedrockServer]]:  # noqa: ANN401 - any setting
    """Serve a script and connect to it with clients of its own."""
    with BedrockServer(script(*steps)) as server:
        connected = Line(server.url, **changes)
        try:
            yield connected, server
        finally:
            connected.bedrock.close()
