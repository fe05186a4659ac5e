"""`mytrader run` before `mytrader gateway`, both as processes, with every byte between them kept.

The gateway's clock runs twenty times as fast as the machine's: a minute of the market in three
seconds, and the two seconds within which a stop has to work in a tenth of one.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from mytrader.domain.cycle import Phase
from mytrader.domain.events import LinkChanged
from mytrader.domain.market import Bar
from mytrader.domain.orders import parse_ref
from mytrader.errors import MytraderError
from mytrader.journal.reader import JournalReader
from mytrader.journal.trace import ROOT, trace_number
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.runtime import monotonic_seconds
from mytrader.signals.scripted import quiet
from mytrader.simulator.telegram_server import CHAT, TOKEN, TelegramServer
from mytrader.tws.frames import API_PREFIX, FrameReader
from mytrader.tws.place_order import PlaceOrder
from mytrader.tws.requests import CancelOrder, GlobalCancel
from tests.command_line import write_bars
from tests.eager_strategy import NAME, TARGET_TICKS, install
from tests.fakes.otlp_collector import OtlpCollector
from tests.plug import Plug

pytestmark = pytest.mark.slow

ROOT_FOLDER: Final = Path(__file__).resolve().parents[2]
BEGIN: Final = datetime(2025, 12, 11, 15, tzinfo=UTC)
BASE: Final = 27_600
SPEED: Final = "20"
EXIT_MINUTE: Final = 10
"""When the market reaches the target: after both starts."""

ORDER_MESSAGES: Final = {str(kind.ID) for kind in (PlaceOrder, CancelOrder, GlobalCancel)}


def bars_file(folder: Path) -> Path:
    """A day before, and a session that reaches the target once."""
    session = quiet(BEGIN, 40)
    high = BASE + TARGET_TICKS + 10
    session[EXIT_MINUTE] = Bar(session[EXIT_MINUTE].opened_at, BASE, high, BASE, BASE, 500)
    bars = [*quiet(BEGIN - timedelta(days=1), 120), *session]
    prices = [[bar.open, bar.high, bar.low, bar.close] for bar in bars]
    cells = [
        [bar.opened_at.isoformat(), *(f"{ticks / 4:.2f}" for ticks in four), str(bar.volume)]
        for bar, four in zip(bars, prices, strict=True)
    ]
    return write_bars(folder / "bars.csv", cells)


class Street:
    """A gateway behind a plug, and traders before it, in one folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.plug = Plug(port)
        self.journal = folder / "x.journal"

    def trader(self, *options: str, **settings: str) -> subprocess.Popen[str]:
        """Start a trader."""
        return start(
            self.folder,
            "run",
            *("--gateway", f"127.0.0.1:{self.plug.port}", "--speed", SPEED),
            *("--strategy", NAME, "--journal", str(self.journal), "--json"),
            *options,
            **settings,
        )

    def book(self) -> CycleBook:
        """What the record says so far; empty before there is one."""
        book = CycleBook()
        try:
            with JournalReader(self.journal) as reader:
                fold(reader.read(), book)
        except (MytraderError, OSError):
            return CycleBook()
        return book

    @property
    def kinds(self) -> set[str]:
        """The numbers of the messages that reached the gateway."""
        found: set[str] = set()
        for heard in self.plug.heard:
            _, *bodies = FrameReader(prefix=API_PREFIX).feed(bytes(heard))
            found |= {body.split(b"\0", 1)[0].decode() for body in bodies}
        return found


def start(folder: Path, *words: str, **settings: str) -> subprocess.Popen[str]:
    """Start our own program."""
    path = os.pathsep.join([str(ROOT_FOLDER), str(folder / "site")])
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "mytrader", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def street(folder: Path) -> Iterator[Street]:
    """Serve a gateway until the block is left."""
    install(folder / "site")
    day = ("--date", f"{BEGIN:%Y-%m-%d}", "--speed", SPEED)
    with start(folder, "gateway", "--port", "0", "--bars", str(bars_file(folder)), *day) as served:
        assert served.stdout is not None
        try:
            line = served.stdout.readline()
            opened = Street(folder, int(line.split(":")[1]))
            with opened.plug:
                yield opened
        finally:
            served.terminate()
            served.communicate(timeout=30)


def wait(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    """Return as soon as something holds."""
    over_s, again = monotonic_seconds() + within_s, threading.Event()
    while not holds():
        assert monotonic_seconds() < over_s, f"did not happen within {within_s} s"
        again.wait(0.1)


def connected(journal: Path) -> bool:
    """Whether a record says that a gateway was reached."""
    try:
        with JournalReader(journal) as reader:
            return any(isinstance(each.event, LinkChanged) for each in reader.read())
    except (MytraderError, OSError):
        return False


def told_by(chat: TelegramServer) -> dict[str, str]:
    """Return the settings with which a chat is told."""
    telegram = {"ENABLED": "true", "TOKEN": TOKEN, "CHAT_ID": CHAT, "BASE_URL": chat.url}
    return {f"MYTRADER__TELEGRAM__{name}": value for name, value in telegram.items()}


def summary(trader: subprocess.Popen[str]) -> tuple[Any, list[str]]:
    """Interrupt a trader and return what it says in the end, and its lines on standard error."""
    trader.send_signal(signal.SIGINT)
    out, err = trader.communicate(timeout=60)
    assert out, err
    return json.loads(out), err.splitlines()


def test_no_order_message_of_a_shadow_reaches_the_gateway(tmp_path: Path) -> None:
    with street(tmp_path) as here, here.trader("--shadow") as trader:
        wait(lambda: len(here.book().ended) >= 2 or trader.poll() is not None)
        said, _ = summary(trader)
        kinds = here.kinds
    assert kinds, "it was heard"
    assert kinds & ORDER_MESSAGES == set()
    approved = [cycle for cycle in said["cycles"] if cycle["phase"] == "ABORTED"]
    assert approved, "it would have traded"
    assert all(verdict["approved"] for verdict in approved[0]["verdicts"])
    assert (said["position_open"], said["mode"]) == (0, "NORMAL")


def test_a_shadow_runs_beside_its_trader(tmp_path: Path) -> None:
    """On the same settings: the broker takes a client's number once."""
    beside = tmp_path / "shadow.journal"
    with street(tmp_path) as here, here.trader() as trader:
        wait(lambda: bool(here.book().open) or trader.poll() is not None)
        with here.trader("--shadow", "--journal", str(beside)) as shadow:
            wait(lambda: connected(beside) or shadow.poll() is not None)
            _, lines = summary(shadow)
        traded, _ = summary(trader)
    assert [line for line in lines if "FAILED" in line] == []
    assert traded["mode"] == "NORMAL"


def test_a_trader_without_a_gateway_waits_for_it_until_a_signal_ends_it(tmp_path: Path) -> None:
    """With a trade open nothing gives it up; the door answers, and SIGTERM ends it at once."""
    with TelegramServer() as chat, street(tmp_path) as here:
        with here.trader() as killed:
            wait(lambda: any(each.phase is Phase.OPEN for each in here.book().open.values()))
            killed.kill()
        here.plug.pull()
        with here.trader(**told_by(chat)) as trader:
            assert chat.wait_for(1, within_s=60)
            status = start(tmp_path, "status", "--journal", str(here.journal), "--json")
            shown = json.loads(status.communicate(timeout=60)[0])
            trader.send_signal(signal.SIGTERM)
            out, err = trader.communicate(timeout=30)
    assert trader.returncode == 130, err
    assert json.loads(out)["position_open"] == 1
    assert (shown["linked"], shown["flat"]) == (False, False)
    assert "CONNECT_FAILED" in err
    assert "🔴 SIMULATION CONNECT_FAILED" in chat.accepted[0].text
    assert not chat.accepted[0].silent


def test_a_trade_over_a_kill_keeps_its_one_id(tmp_path: Path) -> None:
    """Killed without a word in an open position; the next process takes it to its target.

    By then the folder of the memory and of the log file is gone: a line for each, and no more; the
    status shows them, and the chat is told, as of a simulation.
    """
    with OtlpCollector() as collector, TelegramServer() as chat, street(tmp_path) as here:
        telemetry = {
            "MYTRADER__TELEMETRY__ENABLED": "true",
            "MYTRADER__TELEMETRY__OTLP_ENDPOINT": collector.endpoint,
        }
        with here.trader(**telemetry) as killed:
            wait(lambda: any(each.phase is Phase.OPEN for each in here.book().open.values()))
            killed.kill()
        (cycle_id,) = here.book().open
        (tmp_path / "gone").touch()  # a file where their folder was
        gone = str(tmp_path / "gone" / "file")
        missing = {"MYTRADER__TELEMETRY__LOG_FILE": gone, "MYTRADER__RAG__PATH": gone}
        with here.trader(**telemetry, **missing, **told_by(chat)) as trader:
            wait(lambda: bool(here.book().closed) or trader.poll() is not None)
            status = start(tmp_path, "status", "--journal", str(here.journal), "--json")
            shown = json.loads(status.communicate(timeout=60)[0])
            said, warned = summary(trader)
        kinds = here.kinds
        number = trace_number(cycle_id).to_bytes(16, "big")
        roots = [span for span in collector.spans if span.name == ROOT]
        traced = [span for span in roots if bytes(span.trace_id) == number]
    assert str(PlaceOrder.ID) in kinds, "such a message would have been seen"
    (closed,) = (cycle for cycle in said["cycles"] if cycle["phase"] == "CLOSED")
    assert (closed["cycle_id"], closed["exit_reason"]) == (cycle_id, "target")
    refs = [parse_ref(each["order_ref"]) for each in (*closed["orders"], *closed["fills"])]
    assert {parts.cycle_id for parts in refs if parts} == {cycle_id}
    assert len(closed["fills"]) == 2
    assert len(traced) == 1, "one trace, however many processes it took"
    assert said["position_open"] == 0
    without = [line.rpartition("without ")[2] for line in warned if "STARTED_WITHOUT" in line]
    assert without == ["the log file", "memory"], warned
    assert [line.rpartition("without ")[2] for line in shown["without"]] == without
    words = "\n".join(message.text for message in chat.accepted)
    assert words.count("🟠 SIMULATION STARTED_WITHOUT") == 2
    assert "⚪ SIMULATION EXIT" in words
