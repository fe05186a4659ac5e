"""What hangs beside the line is opened as the settings say, and takes over from the record."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import SecretStr
from structlog.testing import capture_logs

from mytrader.advisors.panel import Panel
from mytrader.beside import Aside, Beside, local_seats
from mytrader.domain import events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import AdvisorCall, Counsel, Question
from mytrader.domain.founding import FOUNDING_ID
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.errors import BadInput
from mytrader.execution.guards import should_block_on_wait
from mytrader.journal.watched import Appended
from mytrader.learning.desk import open_ledger
from mytrader.learning.standing import Called
from mytrader.rag.documents import lesson_of
from mytrader.rag.seeds import FOUNDING_LOSS
from mytrader.replay.cycle_book import CycleBook
from mytrader.service_settings import (
    AwsAgentsSettings,
    LearningSettings,
    RagSettings,
    TelegramSettings,
    TelemetrySettings,
)
from mytrader.settings import Settings
from mytrader.simulator.telegram_server import CHAT, TOKEN, TelegramServer
from tests.bedrock_samples import settings as aws
from tests.fakes.journal import FakeJournal
from tests.manual_runtime import START, ManualRuntime
from tests.memory_samples import a_trade, everything_told, question_like

STATE = TraderState(limits=Limits())
NOBODY_THERE = "http://127.0.0.1:9"
QUESTION = question_like(FOUNDING_LOSS, strategy="ema-cross", confidence=0.62)


class Faulty:
    """A watcher with a mistake in it."""

    def __init__(self) -> None:
        self.told = 0

    def seen(self, event: events.AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Fail."""
        del event, asked, state
        self.told += 1
        raise KeyError(self.told)


def test_a_watcher_that_fails_is_told_nothing_more_and_the_line_goes_on() -> None:
    """Hazard: a mistake beside the line would end the watch over what is open."""
    faulty = Faulty()
    aside = Aside(faulty, ManualRuntime())
    with capture_logs() as lines:
        for _ in range(3):
            aside.seen(events.TimeReached(), [], STATE)
    assert faulty.told == 1
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("WATCHER_FAILED", "error")
    assert line["text"] == "Faulty failed, KeyError: 1; it is told nothing more until a restart"


class Desk:
    """What hangs beside a trader that has not started yet, and the calls that it told."""

    def __init__(
        self,
        folder: Path,
        agents: AwsAgentsSettings | None = None,
        **sections: Any,  # noqa: ANN401 - any section of the settings
    ) -> None:
        self.calls: list[AdvisorCall] = []
        self.beside = Beside(
            Settings(aws_agents=AwsAgentsSettings() if agents is None else agents, **sections),
            ManualRuntime(),
            journal=folder / "x.journal",
            environ={},
            noted=lambda _, call: self.calls.append(call),
            mark="PAPER",
        )

    def past(self, *calls: AdvisorCall, book: CycleBook | None = None) -> "Desk":
        """Let it see a record of the past."""
        for number, call in enumerate(calls, 1):
            event = events.AdvisorCalled("01K", call)
            self.beside.record(Appended(number, START, event, ()), STATE)
        self.beside.catch_up(CycleBook() if book is None else book)
        return self

    def ask(self, question: Question = QUESTION) -> Counsel:
        """Begin, ask once and close."""

        async def main() -> Counsel:
            self.beside.begin(STATE, lag_of=None, speed=1.0)
            said = await self.beside.panel.ask(question)
            self.beside.end_calls()
            self.beside.close()
            return said

        return asyncio.run(main())


def test_by_default_two_local_advisors_hear_the_memory(tmp_path: Path) -> None:
    counsel = Desk(tmp_path).past().ask()
    assert [one.advisor for one in counsel.opinions] == [seat.name for seat in local_seats()]
    assert counsel.recall is not None
    assert counsel.recall.similar[0].document_id == FOUNDING_ID


def test_trades_of_the_record_are_remembered(tmp_path: Path) -> None:
    """The file may be gone, or a crash may have kept the last one back."""
    cycle = a_trade(9)
    book = CycleBook()
    book.seen(events.TimeReached(), [], replace(STATE, finished=(cycle,)))
    kept = lesson_of(cycle)
    assert kept is not None
    counsel = Desk(tmp_path).past(book=book).ask(question_like(kept))
    assert counsel.recall is not None
    assert [trade.document_id for trade in counsel.recall.similar] == [cycle.cycle_id]


def test_advisors_outside_sit_beside_the_local_ones(tmp_path: Path) -> None:
    desk = Desk(tmp_path, aws(NOBODY_THERE)).past()
    counsel = desk.ask()
    names = [opinion.advisor for opinion in counsel.opinions]
    assert names == ["bedrock-decision", "bedrock-risk", "local-decision", "local-risk"]
    assert all(opinion.failure == "unreachable" for opinion in counsel.opinions[:2])
    assert {call.outcome for call in desk.calls} == {"unreachable"}


def test_what_was_paid_today_counts_after_a_restart(tmp_path: Path) -> None:
    call = AdvisorCall("bedrock-risk", "model/x", 1, "answered", 800.0)
    desk = Desk(tmp_path, aws(NOBODY_THERE, calls_per_day_max=1)).past(call)
    counsel = desk.ask()
    assert [one.failure for one in counsel.opinions[:2]] == ["budget_spent", "budget_spent"]
    assert desk.calls == []


def test_what_words_about_lessons_cost_today_counts_too(tmp_path: Path) -> None:
    """One day's money for all advisors outside; what a look spent is in the ledger."""
    learning = LearningSettings(key_folder=tmp_path / "keys")
    call = AdvisorCall("bedrock-learning", "agent/x", 1, "answered", 800.0)
    ledger = open_ledger(Settings(learning=learning), tmp_path / "x.journal", new_id=lambda: "L")
    ledger.append(Called(START, call))
    agents = aws(NOBODY_THERE, calls_per_day_max=1)
    counsel = Desk(tmp_path, agents, learning=learning).past().ask()
    assert [one.failure for one in counsel.opinions[:2]] == ["budget_spent", "budget_spent"]


def test_without_telemetry_the_journal_is_written_to_directly(tmp_path: Path) -> None:
    desk = Desk(tmp_path).past()
    journal = FakeJournal()
    assert desk.beside.watch(journal) is journal
    assert len(desk.beside.observers(journal)) == 1, "the memory alone watches"
    assert isinstance(desk.beside.panel, Panel)
    desk.beside.close()
    desk.beside.close()


# What cannot be opened


class Taken:
    """A port of this machine that somebody else has."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()


@pytest.fixture
def nothing_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A trader that asks for everything: a port is taken, packages and a folder are missing."""
    taken = Taken()
    monkeypatch.setitem(sys.modules, "telegram", None)
    monkeypatch.delitem(sys.modules, "mytrader.advisors.bedrock_seats", raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "mytrader.advisors.bedrock", raising=False)
    yield Desk(
        tmp_path,
        aws(NOBODY_THERE),
        telemetry=TelemetrySettings(enabled=True, prometheus_port=taken.port),
        rag=RagSettings(path=tmp_path / "gone" / "x.memory"),
        telegram=TelegramSettings(enabled=True, token=SecretStr(TOKEN), chat_id="1"),
    )
    taken.close()


def test_with_a_trade_open_the_trader_starts_without_and_says_so_once(nothing_opens: Desk) -> None:
    with everything_told() as told:
        nothing_opens.beside.catch_up(CycleBook(), open_trade=True)
    lines = [line["text"] for line in told if line["event"] == "STARTED_WITHOUT"]
    without = [line.rsplit("starts without ", 1)[1] for line in lines]
    assert without == ["telemetry", "memory", "Bedrock", "alerts"]
    assert not any("\n" in line for line in lines)
    assert nothing_opens.beside.without == lines, "and the status shows it"
    assert nothing_opens.beside.observers(FakeJournal())
    counsel = nothing_opens.ask()
    told_by = {opinion.advisor: opinion.failure or "" for opinion in counsel.opinions}
    assert ".[aws]" in told_by["bedrock"]
    assert "folder does not exist" in told_by["memory"]
    verdict = should_block_on_wait(counsel.opinions, signal_confidence=1.0, override=0.75)
    assert (verdict.code, verdict.approved) == ("AWS_WAIT", False)


@pytest.mark.slow
def test_what_is_missing_is_told_by_an_alert_where_that_is_not_what_is_missing(
    tmp_path: Path,
) -> None:
    """A log line is read by nobody on the day after: a person has to be told."""
    pytest.importorskip("telegram", reason="the extra telegram is not installed")
    with TelegramServer() as server:
        telegram = TelegramSettings(
            enabled=True, token=SecretStr(TOKEN), chat_id=CHAT, base_url=server.url
        )
        desk = Desk(tmp_path, rag=RagSettings(path=tmp_path / "gone" / "x"), telegram=telegram)
        desk.beside.catch_up(CycleBook(), open_trade=True)
        desk.beside.close()
        texts = [message.text for message in server.accepted]
    (told,) = [text for text in texts if "STARTED_WITHOUT" in text]
    assert "🟠 PAPER STARTED_WITHOUT" in told
    assert "the trader starts without memory" in told
    assert desk.beside.without == [line for line in desk.beside.without if "memory" in line]


def test_while_nothing_is_open_the_start_is_refused_in_one_line(nothing_opens: Desk) -> None:
    with pytest.raises(BadInput, match="port") as told:
        nothing_opens.beside.catch_up(CycleBook())
    assert "\n" not in str(told.value)
