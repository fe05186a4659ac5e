"""Asking a running trader from another process: one connection, one request, one answer."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mytrader.control.address import short_path, socket_path
from mytrader.control.peer import name_of, peer_of, trusted
from mytrader.control.protocol import (
    ANSWER_BYTES_MAX,
    Answer,
    Lines,
    NotUnderstood,
    Question,
    Refusal,
    decode_answer,
    encode,
)
from mytrader.errors import ControlFault

ANSWER_WITHIN_S: Final = 5.0
TRIES: Final = 3
RECEIVE_BYTES: Final = 1 << 16


class NotRunning(ControlFault):
    """Nobody listens beside this journal."""


def ask(
    journal: Path,
    question: Question,
    *,
    pause: Callable[[], None],
    within_s: float = ANSWER_WITHIN_S,
) -> Answer:
    """Return a running trader's answer.

    A trader that is asked by too many is asked again after `pause`, with the same id: nothing is
    done twice. Raises `NotRunning`, and `ControlFault` when no answer came: what was asked for
    may then have been done.
    """
    for _ in range(TRIES - 1):
        answer = _ask_once(journal, question, within_s=within_s)
        if answer.refusal is not Refusal.TOO_FAST:
            return answer
        pause()
    return _ask_once(journal, question, within_s=within_s)


def listening(journal: Path) -> bool:
    """Whether a trader of ours has its door open beside `journal`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_WITHIN_S)
        try:
            _connect(connection, journal)
        except NotRunning:
            return False
        return True


def _ask_once(journal: Path, question: Question, *, within_s: float) -> Answer:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(within_s)
        _connect(connection, journal)
        try:
            connection.sendall(encode(question))
            return decode_answer(_line(connection))
        except TimeoutError:
            raise ControlFault(
                f"the trader of {journal} has not answered for {within_s:g} s: whether it did"
                f" anything is unknown; ask `mytrader status`, and if it stays silent end process"
                f" {peer_of(connection)[0]} and follow docs/runbooks/halt-and-flatten.md"
            ) from None
        except (OSError, NotUnderstood) as error:
            raise ControlFault(
                f"the trader of {journal} broke off ({error}): whether it did anything is"
                " unknown; ask `mytrader status`"
            ) from None


def _connect(connection: socket.socket, journal: Path) -> None:
    try:
        with short_path(socket_path(journal)) as address:
            connection.connect(str(address))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NotRunning(
            f"no trader is running on {journal}: name its journal with --journal (an embedded run"
            " has no door: its day is over in seconds)"
        ) from None
    except TimeoutError:
        raise ControlFault(
            f"the trader of {journal} does not come to its door: nothing was asked of it"
        ) from None
    except OSError as error:
        raise ControlFault(
            f"the door beside {journal} cannot be reached ({error.strerror}): be the user that"
            " started the trader"
        ) from None
    uid = peer_of(connection)[1]
    if not trusted(uid):
        raise ControlFault(
            f"whoever listens beside {journal} is {name_of(uid)}, not a trader of yours:"
            " nothing was asked"
        )


def _line(connection: socket.socket) -> bytes:
    """Return the first line that comes; raises `NotUnderstood` when none does."""
    lines = Lines(ANSWER_BYTES_MAX)
    while True:
        data = connection.recv(RECEIVE_BYTES)
        if not data:
            raise NotUnderstood("the connection ended without an answer")
        whole = lines.feed(data)
        if whole:
            return whole[0]
