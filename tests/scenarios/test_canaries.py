"""An account and keys that would be known anywhere are found nowhere, with everything on."""

import base64
import io
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from msgspec import Struct

from mytrader import logs
from mytrader.bootstrap import Parts
from mytrader.config import load_settings
from mytrader.domain.commands import AnyCommand, PlaceBracket
from mytrader.domain.instrument import Instrument
from mytrader.execution.ib_executor import IBExecutor
from mytrader.journal.metrics import Metrics
from mytrader.journal.reader import JournalReader
from mytrader.logs import LogFileOptions
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.settings import Settings
from mytrader.simulator.bedrock_script import Script, Step
from mytrader.simulator.bedrock_server import BedrockServer
from mytrader.simulator.gateway import GatewaySettings
from mytrader.simulator.telegram_server import TelegramServer
from tests.command_line import CommandLine, mytrader
from tests.fakes.opensearch_server import search_server
from tests.fakes.otlp_collector import OtlpCollector
from tests.scenarios.test_two_futures import swinging
from tests.sessions import EveryMinutes, Session, a_plan, play

__all__ = ["mytrader"]

ACCOUNT = "DU7654321"
KEY_ID = "AKIACANARYCANARY0001"
SECRET = "c4nary/Secret+of/aws0key1Which2Is3Nowhere"  # noqa: S105 - of nobody
SESSION = "IQoJb3JpZ2luX2VjCANARYSESSION"
PASSWORD = "canary-of-the-index-7"  # noqa: S105 - of nobody
TOKEN = "7654321098:AAcanaryCANARYcanaryCANARYcanaryCAN"  # noqa: S105 - of nobody
CHAT = "-1007654321987"
CANARIES = {
    "account": ACCOUNT,
    "key": KEY_ID,
    "secret": SECRET,
    "session": SESSION,
    "password": PASSWORD,
    "token": TOKEN,
    "chat": CHAT,
}
BEGIN = datetime(2025, 12, 11, 15, tzinfo=UTC)
SAYS = f"Order rejected for account {ACCOUNT}\nkey={KEY_ID} token={TOKEN}"


class Talkative(IBExecutor):
    """Hears the broker name the account, and worse, whenever an entry has gone out."""

    def carry_out(self, command: AnyCommand) -> None:
        """Do it; the notices come in by the wire's own door a moment later."""
        super().carry_out(command)
        if isinstance(command, PlaceBracket):
            self._runtime.call_at(self._runtime.now() + timedelta(seconds=3), self._notice)

    def _notice(self) -> None:
        highest = self.numbers.highest
        for number in range(max(highest - 3, 0), highest + 1):
            self._ib.wrapper.error(number, 399, SAYS, "")


class Day(Struct, frozen=True):
    """What everything that was outside got to see, by name, and where the files are."""

    said: dict[str, bytes]
    folder: Path
    closed: int


def seldom(instrument: Instrument) -> EveryMinutes:
    """Propose every ninth minute."""
    return EveryMinutes(instrument, every=9)


def environment(
    bedrock: BedrockServer, telegram: TelegramServer, collector: OtlpCollector, *, index: str
) -> dict[str, str]:
    """Everything on, with secrets where the runbooks say that they belong."""
    return {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": SESSION,
        "OPENSEARCH_USERNAME": "trader",
        "OPENSEARCH_PASSWORD": PASSWORD,
        "MYTRADER__IB__ACCOUNT": ACCOUNT,
        "MYTRADER__TRADING__TRADE_COOLDOWN_MINUTES": "0.01",
        "MYTRADER__AWS_AGENTS__ENABLED": "true",
        "MYTRADER__AWS_AGENTS__REGION": "us-east-1",
        "MYTRADER__AWS_AGENTS__ENDPOINT_URL": bedrock.url,
        "MYTRADER__AWS_AGENTS__TIMEOUT": "10 s",
        "MYTRADER__AWS_AGENTS__DECISION_AGENT_ID": "AGENTID001",
        "MYTRADER__AWS_AGENTS__DECISION_AGENT_ALIAS_ID": "ALIASID001",
        "MYTRADER__AWS_AGENTS__RISK_MODEL_ID": "anthropic.claude-sample-v1:0",
        "MYTRADER__AWS_AGENTS__PRICE_IN_USD_PER_MTOK": "3",
        "MYTRADER__AWS_AGENTS__PRICE_OUT_USD_PER_MTOK": "15",
        "MYTRADER__TELEGRAM__ENABLED": "true",
        "MYTRADER__TELEGRAM__TOKEN": TOKEN,
        "MYTRADER__TELEGRAM__CHAT_ID": CHAT,
        "MYTRADER__TELEGRAM__BASE_URL": telegram.url,
        "MYTRADER__TELEMETRY__ENABLED": "true",
        "MYTRADER__TELEMETRY__OTLP_ENDPOINT": collector.endpoint,
        "MYTRADER__RAG__OPENSEARCH_ENABLED": str(bool(index)).lower(),
        "MYTRADER__RAG__OPENSEARCH_URL": index or "https://localhost:9200",
    }


def traded(folder: Path, settings: Settings) -> int:
    """Trade an hour; returns how many trades were closed."""
    parts = Parts(strategy=seldom, executor=Talkative)
    session = Session(
        a_plan(folder, settings=settings),
        swinging(BEGIN - timedelta(minutes=300), 300),
        swinging(BEGIN, 60),
        parts,
        gateway=GatewaySettings(account=ACCOUNT),
    )
    outcome, _ = play(session)
    return len(outcome.book.closed)


@pytest.fixture(scope="module", params=["embedded", "outside"])
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """One session with everything on; its memory is a file, or an index outside."""
    folder = tmp_path_factory.mktemp("canaries")
    reply = {"decision": "GO", "confidence": 0.9, "rationale": f"as {ACCOUNT} likes, {KEY_ID}"}
    script = Script([Step(reply=reply)])
    with (
        pytest.MonkeyPatch.context() as patch,
        search_server() as index,
        BedrockServer(script) as bedrock,
        TelegramServer(token=TOKEN, chats=[CHAT]) as telegram,
        OtlpCollector() as collector,
    ):
        url = f"http://127.0.0.1:{index.server_address[1]}" if request.param == "outside" else ""
        for name, value in environment(bedrock, telegram, collector, index=url).items():
            patch.setenv(name, value)
        stderr = io.StringIO()
        with redirect_stderr(stderr):
            log = logs.set_up(verbose=True, file=LogFileOptions(folder / "t.log"))
            assert log is not None
            closed = traded(folder, load_settings())
            log.close()
        structlog.reset_defaults()
        logging.getLogger("mytrader").handlers.clear()
        said = {
            "prompts": "\n".join(asked.text for asked in bedrock.asked),
            "messages": "\n".join(f"{each.sent}\n{each.text}" for each in telegram.accepted),
            "index": repr((index.documents, index.indices, index.requests)),
            "standard error": stderr.getvalue(),
        }
        assert bool(index.documents) is bool(url)
        sent = b"".join(each.SerializeToString() for each in collector.requests)
        yield Day({"traces": sent, **{n: t.encode() for n, t in said.items()}}, folder, closed)


def has_none(where: str, held: bytes, *, but: tuple[str, ...] = ()) -> None:
    """No canary is in what was held, plainly or in a usual wrapping."""
    for name, canary in CANARIES.items():
        plain = canary.encode()
        for form in (plain, base64.b64encode(plain).rstrip(b"="), plain.hex().encode()):
            assert name in but or form not in held, f"{name} is in {where}"


@pytest.mark.slow
def test_nothing_that_was_sent_or_said_holds_a_canary(day: Day) -> None:
    assert day.closed >= 2
    for where, held in day.said.items():
        assert held, f"nothing was said to {where}"
        has_none(where, held)


@pytest.mark.slow
def test_no_file_of_a_run_holds_a_canary(day: Day) -> None:
    """Journal, memory, log, and what lies beside them."""
    files = [path for path in day.folder.rglob("*") if path.is_file()]
    assert {"x.journal", "t.log"} <= {path.name for path in files}
    for path in files:
        has_none(path.name, path.read_bytes())


@pytest.mark.slow
def test_no_export_holds_a_canary(
    day: Day, mytrader: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("IB__ACCOUNT", ACCOUNT), ("TELEGRAM__TOKEN", TOKEN)):
        monkeypatch.setenv(f"MYTRADER__{name}", value)
    monkeypatch.setenv("MYTRADER__TELEGRAM__CHAT_ID", CHAT)
    monkeypatch.setenv("MYTRADER__LEARNING__KEY_FOLDER", str(tmp_path / "keys"))
    journal = day.folder / "x.journal"
    book, metrics = CycleBook(), Metrics()
    with JournalReader(journal) as reader:
        fold(reader.read(), book, each=lambda record, _: metrics.recorded(record))
    has_none("metrics", metrics.text().encode())
    traded_cycle = book.closed[0].cycle_id
    copy = tmp_path / "copy.journal"
    copy.write_bytes(journal.read_bytes())
    assert mytrader("memory", "rebuild", "--journal", copy).status == 0
    commands: list[tuple[str | Path, ...]] = [
        ("cycles", "--journal", copy),
        ("trace", traded_cycle, "--journal", copy),
        ("memory", "search", "--journal", copy),
        ("memory", "stats", "--journal", copy),
        ("alerts", "preview", "--journal", copy),
        ("learn", "--journal", copy, "--since", "2025-11-01"),
        ("status", "--journal", copy),
        ("config", "show"),
    ]
    for command in commands:
        for form in ((), ("--json",)):
            told = mytrader(*command, *form)
            assert told.out, command
            has_none(" ".join(map(str, (*command, *form))), f"{told.out}{told.err}".encode())
    svg = tmp_path / "t.svg"
    mytrader("trace", traded_cycle, "--journal", copy, "--svg", svg)
    mytrader("learn", "--journal", copy, "--report", tmp_path / "r.svg")
    for path in (svg, tmp_path / "r.svg"):
        has_none(path.name, path.read_bytes())
