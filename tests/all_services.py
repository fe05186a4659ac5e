"""Everything that can hang beside a trader, on this machine, each behind a plug of its own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal

from pydantic import SecretStr

from mytrader.service_settings import (
    AwsAgentsSettings,
    RagSettings,
    TelegramSettings,
    TelemetrySettings,
)
from mytrader.settings import Settings
from mytrader.simulator.bedrock_script import Script
from mytrader.simulator.bedrock_server import BedrockServer
from mytrader.simulator.telegram_server import CHAT, TOKEN, TelegramServer
from tests.fakes.opensearch_server import search_server
from tests.fakes.otlp_collector import OtlpCollector
from tests.plug import Plug


class AllServices:
    """Bedrock, an index, a chat and a collector; `plugs` are by name."""

    def __init__(self, stack: ExitStack) -> None:
        self.bedrock = stack.enter_context(BedrockServer(Script()))
        self.index = stack.enter_context(search_server())
        self.chat = stack.enter_context(TelegramServer())
        self.collector = stack.enter_context(OtlpCollector())
        ports = {
            "bedrock": self.bedrock.port,
            "index": _port(self.index.url),
            "chat": _port(self.chat.url),
            "collector": _port(self.collector.endpoint),
        }
        self.plugs = {name: stack.enter_context(Plug(port)) for name, port in ports.items()}

    def settings(self) -> Settings:
        """All of it asked for."""
        url = {name: plug.url for name, plug in self.plugs.items()}
        return Settings(
            aws_agents=AwsAgentsSettings(
                enabled=True,
                region="us-east-1",
                endpoint_url=url["bedrock"],
                attempts_max=1,
                decision_agent_id="AGENTID001",
                decision_agent_alias_id="ALIASID001",
                risk_model_id="anthropic.claude-sample-v1:0",
                price_in_usd_per_mtok=Decimal(3),
                price_out_usd_per_mtok=Decimal(15),
            ),
            rag=RagSettings(opensearch_enabled=True, opensearch_url=url["index"]),
            telegram=TelegramSettings(
                enabled=True,
                token=SecretStr(TOKEN),
                chat_id=CHAT,
                base_url=url["chat"],
                timeout=timedelta(milliseconds=500),
                drain=timedelta(seconds=1),
            ),
            telemetry=TelemetrySettings(enabled=True, otlp_endpoint=url["collector"]),
        )

    def pull(self) -> None:
        """All of it dies."""
        for plug in self.plugs.values():
            plug.pull()

    def hang(self) -> None:
        """All of it falls silent."""
        for plug in self.plugs.values():
            plug.hang()

    @property
    def passed(self) -> dict[str, bool]:
        """Which services were used at all."""
        return {name: plug.passed > 0 for name, plug in self.plugs.items()}


@contextmanager
def all_services() -> Iterator[AllServices]:
    """Serve until the block is left."""
    with ExitStack() as stack:
        yield AllServices(stack)


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
