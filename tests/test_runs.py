"""Whole runs: failures halt, interruptions end with an outcome, a lost gateway is found again."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mytrader import runs
from mytrader.bootstrap import Outcome, Plan
from mytrader.domain.commands import AnyCommand, RaiseAlert
from mytrader.domain.events import AnyEvent, BarClosed, LinkChanged
from mytrader.domain.instrument import ES
from mytrader.domain.trader import Mode, TraderState
from mytrader.errors import BadInput, BrokerFault
from mytrader.execution.live_trading_manager import Observer
from mytrader.journal.reader import JournalReader
from mytrader.runtime import SystemRuntime
from mytrader.settings import Settings
from mytrader.simulator.bar_files import load_bar_file
from mytrader.simulator.fault_rules import Restart, Rule, When
from mytrader.simulator.faults import EndMessage, Faults
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from tests.command_line import FIRST, rows, write_bars
from tests.memory_samples import everything_told


class On:
    """Does something when the first event of a kind was worked through."""

    def __init__(self, kind: type[AnyEvent], action: Callable[[], object]) -> None:
        self._kind = kind
        self._action: Callable[[], object] | None = action
        self.events: list[AnyEvent] = []

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Keep the event; act once."""
        del asked, state
        self.events.append(event)
        if isinstance(event, self._kind) and self._action is not None:
            action, self._action = self._action, None
            action()


def fail() -> None:
    raise ZeroDivisionError("a thing\nthat nobody foresaw")


def nothing() -> None:
    """Only watch."""


def embedded(
    folder: Path,
    *observers: Observer,
    faults: Faults = Faults(),  # noqa: B008 - frozen
    minutes: int = 8,
) -> Outcome:
    bars = load_bar_file(write_bars(folder / "bars.csv", rows(minutes)), ES)
    settings = Settings()
    plan = Plan(settings, ("ES",), "ema-cross", folder / "x.journal", seed=1)
    day = runs.SimulatedDay(("ES",), bars, settings, faults)
    return runs.run_embedded(plan, day, observers=observers)


def test_an_unforeseen_error_halts_the_run_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(runs.RunHalted) as halted:
        embedded(tmp_path, On(BarClosed, fail))
    said = str(halted.value)
    assert "ZeroDivisionError while handling BarClosed: a thing that nobody foresaw" in said
    assert f"(journal {tmp_path / 'x.journal'})" in said
    assert "\n" not in said
    with JournalReader(tmp_path / "x.journal") as reader:
        *_, last = reader.read()
    assert last.event.__class__.__name__ == "Halted", "the record says so too"


@pytest.mark.parametrize("name", runs.STOP_SIGNALS)
def test_an_interruption_ends_an_embedded_run_with_its_outcome(
    tmp_path: Path, name: signal.Signals
) -> None:
    before = signal.getsignal(name)
    outcome = embedded(tmp_path, On(BarClosed, lambda: os.kill(os.getpid(), name)))
    assert outcome.interrupted
    assert outcome.book.bars < 7
    assert outcome.mode == Mode.NORMAL
    assert signal.getsignal(name) is before, "the handlers are given back"


def test_a_run_outside_the_main_thread_leaves_signals_alone(tmp_path: Path) -> None:
    done: list[Outcome] = []
    thread = threading.Thread(target=lambda: done.append(embedded(tmp_path)))
    thread.start()
    thread.join()
    assert done[0].book.bars == 7
    assert not done[0].interrupted


def test_a_dropped_connection_is_found_again_and_no_bar_is_lost(tmp_path: Path) -> None:
    watcher = On(BarClosed, nothing)
    drop = FIRST + timedelta(minutes=3, seconds=30)
    outcome = embedded(tmp_path, watcher, faults=Faults(drop_connections_at=(drop,)))
    links = [event.up for event in watcher.events if isinstance(event, LinkChanged)]
    assert links == [True, False, True]
    assert outcome.book.bars == 7
    assert outcome.cash_change_usd == 0


@pytest.mark.slow
def test_a_flat_trader_waits_for_its_gateway_as_long_as_it_takes(tmp_path: Path) -> None:
    """The gateway restarts every night, for minutes: nobody is there to start a trader again."""
    restart = Rule(Restart(20 * 60), when=When(after_s=190, times=1))
    watcher = On(BarClosed, nothing)
    with everything_told() as told:
        outcome = embedded(tmp_path, watcher, faults=Faults(rules=(restart,)), minutes=40)
    links = [event.up for event in watcher.events if isinstance(event, LinkChanged)]
    assert links == [True, False, True]
    assert not outcome.interrupted
    assert outcome.ended_at > FIRST + timedelta(minutes=40), "it trades on to the end of the data"
    newest = [event.bar.opened_at for event in watcher.events if isinstance(event, BarClosed)]
    assert newest[-1] == FIRST + timedelta(minutes=38)
    lines = [line for line in told if line["event"] == "RECONNECT_FAILED"]
    assert len(lines) == runs.RECONNECT_TRIES + 1, "ten minutes later one more"
    assert "away for 10 min" in lines[-1]["text"]
    (back,) = [line for line in told if line["event"] == "RECONNECTED"]
    assert back["text"].startswith("after 20 min")


def test_a_flat_trader_does_not_wait_for_a_gateway_whose_data_has_ended(tmp_path: Path) -> None:
    restart = Rule(Restart(100_000), when=When(after_s=190, times=1))
    outcome = embedded(tmp_path, faults=Faults(rules=(restart,)), minutes=15)
    assert not outcome.interrupted
    last = FIRST + timedelta(minutes=15)
    assert last <= outcome.ended_at < last + timedelta(minutes=2)


class Unreachable:
    """A trader as a search needs it: its gateway comes back at some time, or never."""

    def __init__(
        self, runtime: VirtualRuntime, back_after: timedelta | None, *, flat: bool
    ) -> None:
        self.flat = flat
        self.runtime = runtime
        self._back_at = None if back_after is None else runtime.now() + back_after
        self.tries: list[datetime] = []
        self.told: list[RaiseAlert] = []

    def tell(self, alert: RaiseAlert) -> None:
        """Keep what people are told."""
        self.told.append(alert)

    async def connect(self) -> None:
        """Raise `BrokerFault` until the gateway is back."""
        now = self.runtime.now()
        self.tries.append(now)
        if self._back_at is None or now < self._back_at:
            raise BrokerFault("gateway 127.0.0.1:4002: nobody listens there")


def searched(
    back_after: timedelta | None,
    *,
    leaves: bool = False,
    flat: bool = True,
    stopped_after: timedelta | None = None,
) -> tuple[bool, Unreachable, list[Any], timedelta]:
    """Search for a gateway; returns whether it was found, by whom, what was said, and how long."""

    async def main(loop: VirtualLoop) -> tuple[bool, Unreachable, timedelta]:
        watch = runs.Watch()
        watch.take_failures(loop)
        runtime = VirtualRuntime(loop, watch.note_failure, seed=1)
        trader = Unreachable(runtime, back_after, flat=flat)
        if stopped_after is not None:
            runtime.call_at(runtime.now() + stopped_after, watch.interrupt)
        given: Any = trader
        search = runs.Search(given, watch, over=None, speed=1.0, leaves=leaves)
        began = runtime.now()
        return await search.find(), trader, runtime.now() - began

    with everything_told() as told:
        found, trader, took = run_virtual(main, epoch=FIRST)
    return found, trader, told, took


def test_a_night_without_a_gateway_is_a_line_every_ten_minutes() -> None:
    found, trader, told, took = searched(timedelta(hours=8))
    assert found
    assert timedelta(hours=8) <= took <= timedelta(hours=8, seconds=31)
    waits = [after - before for before, after in pairwise(trader.tries)]
    assert max(waits) - runs.RECONNECT_EVERY_MAX < timedelta(seconds=1)
    failed = [line for line in told if line["event"] == "RECONNECT_FAILED"]
    assert len(failed) == runs.RECONNECT_TRIES + 47
    assert "away for 7 h" in failed[-1]["text"]
    assert told[-1]["text"].startswith("after 8 h")


@pytest.mark.parametrize(("flat", "level"), [(True, "warning"), (False, "page")])
def test_people_are_told_once_of_a_gateway_that_stays_away(*, flat: bool, level: str) -> None:
    """`LINK_DOWN` told that it went and `LINK_UP` will tell that it is back; this lies between."""
    _, trader, _, _ = searched(timedelta(hours=8), flat=flat)
    (told,) = trader.told
    assert (told.code, told.level) == ("LINK_AWAY", level)
    assert told.text.startswith("for 10 min")
    assert "nobody listens there" in told.text


def test_a_restart_of_some_minutes_is_not_told_between_its_beginning_and_its_end() -> None:
    found, trader, _, _ = searched(timedelta(minutes=9))
    assert (found, trader.told) == (True, [])


def test_a_wish_to_end_ends_the_search_at_once() -> None:
    stopped = timedelta(hours=3, seconds=7)
    found, _, _, took = searched(None, stopped_after=stopped)
    assert not found
    assert stopped <= took < stopped + timedelta(seconds=1)


def test_a_gateway_that_leaves_is_given_up_after_five_tries() -> None:
    found, trader, told, _ = searched(None, leaves=True)
    assert (found, len(trader.tries)) == (False, runs.RECONNECT_TRIES)
    assert "flat, so the run ends" in told[-1]["text"]


def test_a_gateway_that_never_completes_an_answer_is_a_fault_before_the_start(
    tmp_path: Path,
) -> None:
    with pytest.raises(BrokerFault, match="positions request timed out"):
        embedded(tmp_path, faults=Faults(missing_end=EndMessage.POSITIONS))


ROOT = str(Path(__file__).resolve().parents[1])


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the real command in a process of its own."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "mytrader", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def served(folder: Path, *, speed: str, minutes: int = 8) -> Iterator[tuple[str, list[str]]]:
    """Serve quiet minutes over loopback TCP; gives the place, and afterwards the last words."""
    write_bars(folder / "bars.csv", rows(minutes))
    gateway = start(folder, "gateway", "--port", "0", "--bars", "bars.csv", "--speed", speed)
    last_words: list[str] = []
    try:
        assert gateway.stdout is not None
        said = gateway.stdout.readline()
        place = re.search(r"127\.0\.0\.1:\d+", said)
        assert place is not None, said
        yield place[0], last_words
    finally:
        gateway.terminate()
        out, err = gateway.communicate(timeout=30)
        last_words += [out, err]
    assert gateway.returncode == 0, err


def run_against(folder: Path, place: str, *options: str) -> tuple[int, str, str]:
    """Trade against a served gateway to the end."""
    run = start(folder, "run", "--gateway", place, "--journal", "x.journal", *options)
    out, err = run.communicate(timeout=120)
    return run.returncode, out, err


@pytest.mark.slow
def test_a_day_over_tcp_ends_with_status_0_when_the_gateway_leaves(tmp_path: Path) -> None:
    with served(tmp_path, speed="60", minutes=10) as (place, _):
        status, out, err = run_against(tmp_path, place, "--speed", "60", "--json")
    assert status == 0, err
    summary = json.loads(out)
    assert summary["bars"] == 9
    assert summary["account_agrees"] is True
    assert "Traceback" not in err
    tries = [line for line in err.splitlines() if "RECONNECT_FAILED" in line]
    assert len(tries) == runs.RECONNECT_TRIES
    assert "flat, so the run ends" in tries[-1], "its data has ended: it will not come back"
    assert len(err.splitlines()) == len(tries) + 1, "and one for the loss: no flood"
    assert tries[0].startswith("12-11 09:1"), "at the gateway's time"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--speed", "20"), "--speed says 20: start both with the same --speed"),
        ((), "the gateway's clock shows 2025-12-11"),
    ],
)
def test_clocks_that_do_not_match_are_one_line(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    with served(tmp_path, speed="60", minutes=200) as (place, _):
        status, out, err = run_against(tmp_path, place, *options)
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_speed_is_refused_before_a_brokers_gateway() -> None:
    """Hazard: its orders would be called a simulation, and a flat trader would give it up."""
    trader: Any = SimpleNamespace(executor=SimpleNamespace(accounts=("DU7654321",)))
    with pytest.raises(BadInput, match="for a simulated gateway") as refused:
        asyncio.run(runs.check_speed(trader, SystemRuntime(lambda *_: None)))
    assert "DU7654321" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", runs.STOP_SIGNALS)
def test_a_signal_ends_both_ends_with_a_summary(tmp_path: Path, name: signal.Signals) -> None:
    with served(tmp_path, speed="60", minutes=200) as (place, last_words):
        run = start(tmp_path, "run", "--gateway", place, "--speed", "60", "--journal", "x.journal")
        _wait_for_bars(tmp_path / "x.journal")
        run.send_signal(name)
        out, err = run.communicate(timeout=30)
    assert run.returncode == 130, err
    assert "interrupted; what rests at the broker was left there" in out
    assert err == ""
    assert "gateway closed: interrupted" in last_words[0]


def _wait_for_bars(journal: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if journal.exists():
            with JournalReader(journal) as reader:
                if any(isinstance(record.event, BarClosed) for record in reader.read()):
                    return
        threading.Event().wait(0.1)
    raise AssertionError("no bar arrived within a minute")


@pytest.mark.slow
def test_a_gateway_that_does_not_answer_is_waited_for_with_a_word(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        status, out, err = run_against(tmp_path, place)
    assert (status, out) == (2, "")
    first, second = err.splitlines()
    assert "waiting for the answer" in first
    assert "no complete answer within 10 s" in second
