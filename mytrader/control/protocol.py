"""What passes through the door, without sockets: one JSON object a line, both ways.

    {"v":1,"ask":"halt","request_id":"01J…","sent_s":8123.4,"via":"cli"}
    {"ok":true,"text":"…","said":[{"level":"warning","code":"MODE","text":"…"}],"status":{…}}

`sent_s` is the machine's monotonic clock, which both ends share and nobody can set: a request
that waited in front of a busy trader shows its age. Who asks is not in the request; the socket
knows it. What a line says is taken only if every field is understood.
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from mytrader.control.status import Said, Status
from mytrader.errors import TheirFault

VERSION: Final = 1
QUESTION_BYTES_MAX: Final = 4096
ANSWER_BYTES_MAX: Final = 1 << 20


class Ask(StrEnum):
    """What may be asked of a running trader."""

    STATUS = "status"
    HALT = "halt"
    FLATTEN = "flatten"
    RESUME = "resume"


class Via(StrEnum):
    """Which of our own programs a request came through; it grants nothing."""

    CLI = "cli"
    DASHBOARD = "dashboard"
    TELEGRAM = "telegram"


Token = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[0-9A-Za-z-]+$")]


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """One request. `request_id` makes a repeat harmless; `code` is what a resume has to show."""

    ask: Ask
    request_id: Token
    sent_s: Annotated[float, Meta(ge=0)]
    via: Via = Via.CLI
    code: Annotated[str, Meta(max_length=64)] = ""
    v: int = VERSION


class Refusal(StrEnum):
    """Why a request was not taken; stable, for programs."""

    DENIED = "DENIED"
    MALFORMED = "MALFORMED"
    TOO_FAST = "TOO_FAST"
    EXPIRED = "EXPIRED"
    NOT_STARTED = "NOT_STARTED"
    NOT_STOPPED = "NOT_STOPPED"
    CODE_NEEDED = "CODE_NEEDED"
    FAILED = "FAILED"


class Answer(Struct, frozen=True):
    """What came of a request: `said` are the alerts it led to, `status` how things stand after.

    `ok` says that the request was taken and is on record; whether orders have filled since is
    for the status to tell. `text` is a sentence; with a `refusal` it says what to do.
    """

    ok: bool
    text: str = ""
    refusal: Refusal | None = None
    said: tuple[Said, ...] = ()
    status: Status | None = None


class NotUnderstood(TheirFault):
    """A line that is no message of this protocol."""


_questions = msgspec.json.Decoder(Question)
_answers = msgspec.json.Decoder(Answer)
_encoder = msgspec.json.Encoder()


def encode(message: Question | Answer) -> bytes:
    """Return a message as one line."""
    return _encoder.encode(message) + b"\n"


def decode_question(line: bytes) -> Question:
    """Return the request in a line; raises `NotUnderstood`."""
    try:
        question = _questions.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotUnderstood(f"not a request: {error}") from None
    if question.v != VERSION:
        raise NotUnderstood(
            f"version {question.v} of the protocol, this trader speaks {VERSION}: use the"
            " mytrader that started it"
        )
    return question


def decode_answer(line: bytes) -> Answer:
    """Return the answer in a line; raises `NotUnderstood`."""
    try:
        return _answers.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotUnderstood(
            f"not an answer ({error}): use the mytrader that started the trader"
        ) from None


class Lines:
    """Cuts a stream into lines; what is longer than `limit` bytes is no line of ours."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are whole now; raises `NotUnderstood` for an endless one."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if max(map(len, (*lines, self._rest))) > self._limit:
            raise NotUnderstood(f"a line of more than {self._limit} bytes")
        return lines
