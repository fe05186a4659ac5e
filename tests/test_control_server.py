"""The door itself: who gets in, what a bad caller can break (its own connection), what is left."""

import asyncio
import contextlib
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mytrader.control import server
from mytrader.control.client import NotRunning, ask, listening
from mytrader.control.protocol import Answer, Ask, Question, Refusal, decode_answer, encode
from mytrader.control.server import Door, open_door
from mytrader.errors import BadInput
from tests.door import UPTIME_S, Visit

READ_MAX = 1 << 19
STATUS = encode(Question(Ask.STATUS, "look", sent_s=UPTIME_S))


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.seconds


class Clerk:
    """Answers anything, and remembers who asked for what."""

    def __init__(self, text: str = "yes") -> None:
        self.text = text
        self.asked: list[tuple[str, str]] = []
        self.fifth = asyncio.Event()

    def answer(self, question: Question, *, who: str) -> Answer:
        """Say yes."""
        self.asked.append((question.request_id, who))
        if len(self.asked) == 5:
            self.fifth.set()
        return Answer(ok=True, text=self.text)


class Caller:
    """A connection that sends bytes and reads lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, data: bytes) -> None:
        """Send bytes, whole or not."""
        self._writer.write(data)
        await self._writer.drain()

    async def hear(self) -> Answer:
        """Return the next answer."""
        return decode_answer(await self._reader.readline())

    async def over(self) -> bool:
        """Whether the door has hung up."""
        try:
            return await self._reader.read() == b""
        except ConnectionError:
            return True

    async def leave(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


class Street:
    """The way to a door; whoever came is sent home at the end."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._callers: list[Caller] = []

    async def call(self) -> Caller:
        """Connect somebody."""
        caller = Caller(*await asyncio.open_unix_connection(str(self.door.path), limit=READ_MAX))
        self._callers.append(caller)
        return caller

    async def clear(self) -> None:
        """End every connection, and wait for it."""
        for caller in self._callers:
            await caller.leave()


def at_the_door(
    folder: Path,
    script: Callable[[Street], Awaitable[None]],
    clerk: server.Clerk | None = None,
    *,
    clock: Clock | None = None,
) -> None:
    async def visit() -> None:
        door = await open_door(folder / "x.journal", clerk or Clerk(), elapsed_s=clock or Clock())
        street = Street(door)
        try:
            await script(street)
        finally:
            door.close()
            await street.clear()

    asyncio.run(asyncio.wait_for(visit(), timeout=30))


def test_only_its_user_may_open_the_socket_and_it_goes_with_the_trader(tmp_path: Path) -> None:
    async def script(street: Street) -> None:
        assert street.door.path == tmp_path / "x.journal.sock"
        assert stat.S_IMODE(street.door.path.stat().st_mode) == 0o600

    at_the_door(tmp_path, script)
    assert not (tmp_path / "x.journal.sock").exists()


def test_lines_are_answered_in_order_with_the_name_the_kernel_gives(tmp_path: Path) -> None:
    clerk = Clerk()

    async def script(street: Street) -> None:
        caller = await street.call()
        questions = [Question(Ask.STATUS, f"id-{number}", sent_s=0) for number in range(5)]
        await caller.say(b"".join(map(encode, questions)))
        for _ in questions:
            assert (await caller.hear()).ok

    at_the_door(tmp_path, script, clerk)
    assert [name for name, _ in clerk.asked] == [f"id-{number}" for number in range(5)]
    assert len({who for _, who in clerk.asked}) == 1


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01\n", b"{}\n", b"x" * 5000],
    ids=["http", "binary", "empty", "endless"],
)
def test_nonsense_ends_its_own_connection_with_a_reason(tmp_path: Path, data: bytes) -> None:
    clerk = Clerk()

    async def script(street: Street) -> None:
        neighbour = await street.call()
        caller = await street.call()
        await caller.say(data)
        answer = await caller.hear()
        assert answer.refusal is Refusal.MALFORMED
        assert answer.text
        assert await caller.over()
        await neighbour.say(STATUS)
        assert (await neighbour.hear()).ok

    at_the_door(tmp_path, script, clerk)
    assert [name for name, _ in clerk.asked] == ["look"], "nonsense reaches nobody"


def test_a_slow_line_is_waited_for(tmp_path: Path) -> None:
    async def script(street: Street) -> None:
        caller = await street.call()
        for byte in STATUS:
            await caller.say(bytes([byte]))
        assert (await caller.hear()).ok

    at_the_door(tmp_path, script)


def test_a_flood_is_stopped_and_passes(tmp_path: Path) -> None:
    clerk, clock = Clerk(), Clock()

    async def script(street: Street) -> None:
        caller = await street.call()
        await caller.say(STATUS * (server.REQUESTS_PER_SECOND_MAX + 30))
        for _ in range(server.REQUESTS_PER_SECOND_MAX):
            assert (await caller.hear()).ok
        assert (await caller.hear()).refusal is Refusal.TOO_FAST
        assert await caller.over()
        clock.seconds += 1
        later = await street.call()
        await later.say(STATUS)
        assert (await later.hear()).ok

    at_the_door(tmp_path, script, clerk, clock=clock)
    assert len(clerk.asked) == server.REQUESTS_PER_SECOND_MAX + 1


def test_silent_connections_cannot_keep_a_person_out(tmp_path: Path) -> None:
    async def script(street: Street) -> None:
        idle = [await street.call() for _ in range(server.CONNECTIONS_MAX * 2)]
        person = await street.call()
        await person.say(STATUS)
        assert (await person.hear()).ok
        assert await idle[0].over()

    at_the_door(tmp_path, script)


def test_a_caller_that_never_reads_is_dropped(tmp_path: Path) -> None:
    clerk = Clerk("x" * 200_000)
    clock = Clock()

    async def script(street: Street) -> None:
        caller = await street.call()
        await caller.say(STATUS * 40)
        await clerk.fifth.wait()
        neighbour = await street.call()
        await neighbour.say(STATUS)
        assert (await neighbour.hear()).ok

    at_the_door(tmp_path, script, clerk, clock=clock)
    assert len(clerk.asked) < 41, "the rest of its questions was not answered"


def test_a_dead_traders_socket_is_replaced(tmp_path: Path) -> None:
    async def leave_it(street: Street) -> None:
        street.door.path.rename(tmp_path / "kept")

    at_the_door(tmp_path, leave_it)
    (tmp_path / "kept").rename(tmp_path / "x.journal.sock")
    assert not listening(tmp_path / "x.journal")

    async def script(street: Street) -> None:
        caller = await street.call()
        await caller.say(STATUS)
        assert (await caller.hear()).ok

    at_the_door(tmp_path, script)


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x.journal.sock").write_text("mine", "utf-8")

    async def never(street: Street) -> None:
        raise AssertionError(street)

    with pytest.raises(BadInput, match="something else is there"):
        at_the_door(tmp_path, never)
    assert (tmp_path / "x.journal.sock").read_text("utf-8") == "mine"


def test_a_socket_that_took_its_place_is_left_alone(tmp_path: Path) -> None:
    async def script(street: Street) -> None:
        street.door.path.unlink()
        (tmp_path / "x.journal.sock").write_text("another", "utf-8")

    at_the_door(tmp_path, script)
    assert (tmp_path / "x.journal.sock").exists()


def test_client_and_door_speak_to_each_other(tmp_path: Path) -> None:
    visit = Visit()
    answers: list[Answer] = []
    journal = tmp_path / "x.journal"

    async def script(street: Street) -> None:
        assert street.door.path.exists()
        question = Question(Ask.HALT, "mine", sent_s=visit.uptime_s)
        work = asyncio.to_thread(ask, journal, question, pause=lambda: None)
        answers.append(await work)

    at_the_door(tmp_path, script, visit.desk)
    assert answers[0].ok
    assert answers[0].status is not None
    assert answers[0].status.mode == "HALT"
    with pytest.raises(NotRunning):
        ask(journal, Question(Ask.STATUS, "x", sent_s=0), pause=lambda: None)
    assert threading.active_count() >= 1
