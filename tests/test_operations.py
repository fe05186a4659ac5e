"""Commands to a running trader, as a person types them."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.bootstrap import Plan, Trader
from mytrader.cli import main
from mytrader.control.protocol import Answer, Question
from mytrader.control.server import open_door
from mytrader.domain import events
from mytrader.domain.trader import Mode, TraderState
from mytrader.journal.codec import Opening
from mytrader.journal.writer import JournalWriter
from mytrader.runtime import SystemRuntime, monotonic_seconds
from mytrader.settings import Settings
from tests.command_line import CommandLine, mytrader
from tests.door import Visit
from tests.playbook import LIMITS, NOON, Filled, asked, opened

__all__ = ["mytrader"]


class Here:
    """A desk whose callers use this machine's own clock."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    def answer(self, question: Question, *, who: str) -> Answer:
        """Answer as the desk does, at this machine's time."""
        self._visit.uptime_s = monotonic_seconds()
        return self._visit.desk.answer(question, who=who)


@contextmanager
def running(journal: Path, state: TraderState | None = None) -> Iterator[Visit]:
    """Keep a door open beside `journal`, in a thread of its own."""
    visit = Visit(state)
    journal.parent.mkdir(exist_ok=True)
    opened_at, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        door = await open_door(journal, Here(visit), elapsed_s=monotonic_seconds)
        opened_at.set()
        await over.wait()
        door.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert opened_at.wait(10)
        yield visit
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def test_the_only_running_trader_is_found(mytrader: CommandLine) -> None:
    with running(Path("runs/paper.journal")):
        said = mytrader("status")
    assert said.status == 0
    assert "NORMAL" in said.out
    assert said.err == ""


def test_of_several_one_has_to_be_named(mytrader: CommandLine) -> None:
    with running(Path("runs/a.journal")), running(Path("runs/b.journal")) as second:
        mytrader("halt").is_one_line("2 traders are running", "runs/a.journal, runs/b.journal")
        assert mytrader("halt", "--journal", "runs/b.journal").status == 0
        assert second.loop.state.mode is Mode.HALT


def test_a_halt_and_its_resume(mytrader: CommandLine) -> None:
    with running(Path("runs/x.journal")) as visit:
        said = mytrader("halt")
        assert said.status == 0
        assert said.out.startswith("halted: no new entries")
        assert mytrader("status").status == 3, "halted is seen by scripts"
        code = mytrader("status", "--json").json["resume_code"]
        mytrader("resume").is_one_line("CODE_NEEDED", code)
        assert visit.loop.state.mode is Mode.HALT
        resumed = mytrader("resume", "--code", code, "--json").json
        assert resumed["ok"]
        assert resumed["status"]["mode"] == "NORMAL"
        mytrader("resume", "--code", code).is_one_line("NOT_STOPPED")


def test_flattening_waits_for_the_proof(mytrader: CommandLine) -> None:
    with running(Path("runs/x.journal"), opened().state) as visit:
        said = mytrader("flatten", "--wait", "0")
        assert said.status == 3
        assert "not proven flat within 0 s" in said.err
        assert visit.loop.state.mode is Mode.REDUCE_ONLY
        script = opened() >> asked(events.Request.FLATTEN)
        for event in Filled("S1").events(script):
            visit.loop.handle(event)
        again = mytrader("flatten", "--wait", "0", "--json").json
        assert again["status"]["positions"][0]["booked"] == 0


def test_flattening_what_is_flat_ends_at_once(mytrader: CommandLine) -> None:
    with running(Path("runs/x.journal")):
        said = mytrader("flatten")
    assert said.status == 0
    assert "EXIT_WHEN_FLAT" in said.out


@pytest.mark.parametrize("command", ["halt", "flatten", "resume", "status"])
def test_without_a_trader_nothing_is_claimed(mytrader: CommandLine, command: str) -> None:
    mytrader(command).is_one_line("no trader is running", "--journal")
    mytrader(command, "--journal", "other.journal").is_one_line("on other.journal")
    mytrader(command, "--journal", "/").is_one_line("journal / is a directory", "--journal")


def test_the_record_of_a_trader_that_has_ended_is_shown_as_such(mytrader: CommandLine) -> None:
    opening = Opening(logic_version=1, package_version="1", config_hash="c", run={})
    journal = JournalWriter(Path("x.journal"), at=NOON, opening=opening)
    journal.append(NOON, events.TraderStarted(LIMITS), [], durable=True)
    journal.append(NOON, events.Halted("something broke"), [], durable=True)
    journal.close()
    said = mytrader("status", "--journal", "x.journal")
    assert said.status == 2
    assert "HALT  something broke" in said.out
    assert "not running" in said.out
    assert "resume" not in said.out, "there is nobody to resume"
    assert said.err.count("\n") == 1
    assert "shown is the end of its record" in said.err


def test_a_file_that_is_no_journal_is_one_line(mytrader: CommandLine) -> None:
    Path("x.journal").write_text("hello", "utf-8")
    mytrader("status", "--journal", "x.journal").is_one_line("x.journal")


def test_a_trader_lets_people_in_before_it_has_a_connection(tmp_path: Path) -> None:
    """The real trader, its journal and its door; no gateway is there."""

    async def visit() -> tuple[str, str]:
        runtime = SystemRuntime(lambda *_: None)
        plan = Plan(Settings(), ("ES",), "ema-cross", tmp_path / "x.journal", seed=1)
        trader = Trader(replace(plan, without=("no log file",)), runtime)
        await trader.open_door(lambda *_: None)
        assert trader.without == ("no log file",)
        code = await asyncio.to_thread(shell, "halt", "--journal", str(tmp_path / "x.journal"))
        outcome = trader.stop()
        return code, outcome.mode

    status, mode = asyncio.run(visit())
    assert status == "0"
    assert mode == Mode.HALT
    assert not (tmp_path / "x.journal.sock").exists()


def shell(*arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return str(ended.value.code)
