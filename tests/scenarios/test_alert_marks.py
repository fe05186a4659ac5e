"""What reaches a chat: a rehearsal says that it is one, a campaign and a look say nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mytrader.simulator.telegram_server import CHAT, TOKEN, TelegramServer
from tests.command_line import CommandLine, mytrader, rows, write_bars

__all__ = ["mytrader"]

pytest.importorskip("telegram", reason="the extra telegram is not installed")
pytestmark = pytest.mark.slow

LEVELS = "⚪🟠🔴"


@pytest.fixture
def chat(mytrader: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[TelegramServer]:
    """A chat that every command of the test would tell, by its settings."""
    del mytrader
    with TelegramServer() as server:
        telegram = {"ENABLED": "true", "TOKEN": TOKEN, "CHAT_ID": CHAT, "BASE_URL": server.url}
        for name, value in telegram.items():
            monkeypatch.setenv(f"MYTRADER__TELEGRAM__{name}", value)
        yield server


def heads(chat: TelegramServer) -> list[str]:
    """The first lines of what was told."""
    lines = [line for message in chat.accepted for line in message.text.splitlines()]
    return [line for line in lines if line[:1] in LEVELS and line]


@pytest.mark.parametrize(
    ("options", "mark"), [((), "SIMULATION"), (("--shadow",), "SIMULATION SHADOW")]
)
def test_every_message_of_an_embedded_run_says_that_it_is_one(
    mytrader: CommandLine,
    chat: TelegramServer,
    tmp_path: Path,
    options: tuple[str, ...],
    mark: str,
) -> None:
    journal, bars = tmp_path / "x.journal", write_bars(tmp_path / "bars.csv", rows())
    said = mytrader("run", "--bars", bars, "--journal", journal, "--json", *options)
    assert said.status == 0, said.err
    told = heads(chat)
    assert [head.split(" · ")[0][2:] for head in (told[0], told[-1])] == [
        f"{mark} TRADER_STARTED",
        f"{mark} TRADER_ENDED",
    ]
    assert all(head[2:].startswith(f"{mark} ") for head in told), told
    shown = mytrader("alerts", "preview", "--journal", journal, "--json").json
    firsts = [message["text"].partition(" · ")[0] for message in shown]
    assert firsts == [head.partition(" · ")[0] for head in told], "the record knows its world"


def test_campaigns_and_looks_at_a_record_tell_nobody(
    mytrader: CommandLine, chat: TelegramServer, tmp_path: Path
) -> None:
    journal, bars = tmp_path / "x.journal", write_bars(tmp_path / "bars.csv", rows())
    mytrader("run", "--bars", bars, "--journal", journal, "--json")
    told = len(chat.accepted)
    assert told
    for words in (
        ("simulate", "--seeds", "1..2", "--hours", "0.25", "--workers", "1"),
        ("cycles", "--journal", journal),
        ("alerts", "preview", "--journal", journal),
    ):
        said = mytrader(*words)
        assert said.status == 0, (words, said)
    assert len(chat.accepted) == told
