"""What a caller is told when nobody answers, or not as a trader would."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mytrader.control.client import NotRunning, ask, listening
from mytrader.control.protocol import Answer, Ask, Question, Refusal, encode
from mytrader.errors import ControlFault

HALT = Question(Ask.HALT, "once", sent_s=1.0)


@contextmanager
def somebody(folder: Path, *answers: bytes) -> Iterator[tuple[Path, list[bytes]]]:
    """Listen as a trader would; to each connection one of `answers`, then hang up."""
    journal = folder / "x.journal"
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "x.journal.sock"))
        listener.listen()

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    heard.append(connection.recv(4096))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield journal, heard
        thread.join(timeout=10)
        assert not thread.is_alive()


def asked(journal: Path, pauses: list[int] | None = None) -> Answer:
    counted = pauses if pauses is not None else []
    return ask(journal, HALT, pause=lambda: counted.append(1), within_s=0.2)


def test_nobody_there_is_said_plainly(tmp_path: Path) -> None:
    for journal in (tmp_path / "x.journal", tmp_path / "no" / "x.journal"):
        with pytest.raises(NotRunning, match="no trader is running on"):
            asked(journal)
        assert not listening(journal)


def test_an_answer_is_passed_on(tmp_path: Path) -> None:
    with somebody(tmp_path, encode(Answer(ok=True, text="done"))) as (journal, heard):
        assert asked(journal).text == "done"
    assert heard == [encode(HALT)]


def test_a_busy_trader_is_asked_again_under_the_same_id(tmp_path: Path) -> None:
    busy = encode(Answer(ok=False, refusal=Refusal.TOO_FAST))
    pauses: list[int] = []
    with somebody(tmp_path, busy, encode(Answer(ok=True))) as (journal, heard):
        assert asked(journal, pauses).ok
    assert len(pauses) == 1
    assert heard == [encode(HALT)] * 2


def test_a_trader_that_stays_busy_is_told(tmp_path: Path) -> None:
    busy = encode(Answer(ok=False, refusal=Refusal.TOO_FAST))
    with somebody(tmp_path, busy, busy, busy) as (journal, _):
        assert asked(journal).refusal is Refusal.TOO_FAST


@pytest.mark.parametrize("answer", [b"", b"hello\n", b'{"ok":tr'])
def test_an_answer_that_breaks_off_is_an_unknown_outcome(tmp_path: Path, answer: bytes) -> None:
    with (
        somebody(tmp_path, answer) as (journal, _),
        pytest.raises(ControlFault, match="whether it did anything is unknown"),
    ):
        asked(journal)


def test_silence_is_an_unknown_outcome_and_names_the_process(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "x.journal.sock"))
        listener.listen()
        with pytest.raises(ControlFault, match=r"unknown; .* end process \d+"):
            asked(tmp_path / "x.journal")
