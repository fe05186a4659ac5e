"""Lines in, messages out: what is not understood is refused, whatever it is."""

import contextlib
import random
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.control.protocol import (
    Answer,
    Ask,
    Lines,
    NotUnderstood,
    Question,
    Refusal,
    Via,
    decode_answer,
    decode_question,
    encode,
)

GOOD = {"ask": "halt", "request_id": "01J-x", "sent_s": 5.5}


def line(**changes: object) -> bytes:
    return msgspec.json.encode({**GOOD, **changes})


@pytest.mark.parametrize("ask", Ask)
@pytest.mark.parametrize("via", Via)
def test_a_question_survives_the_wire(ask: Ask, via: Via) -> None:
    question = Question(ask, "id-1", sent_s=2.5, via=via, code="c0ffee")
    assert decode_question(encode(question)) == question


def test_an_answer_survives_the_wire() -> None:
    answer = Answer(ok=False, text="because", refusal=Refusal.CODE_NEEDED)
    assert decode_answer(encode(answer)) == answer


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"[" * 2000,
        b"\xff\xfe",
        line(ask="buy"),
        line(ask=None),
        line(request_id=""),
        line(request_id="a" * 65),
        line(request_id="a b"),
        line(sent_s=-1),
        line(sent_s="5"),
        b'{"ask":"halt","request_id":"x","sent_s":NaN}',
        b'{"ask":"halt","request_id":"x"}',
        line(code="x" * 65),
        line(quantity=5),
        line(who="root"),
        line(via="anybody"),
    ],
    ids=repr,
)
def test_what_is_no_request_is_not_understood(text: bytes) -> None:
    with pytest.raises(NotUnderstood):
        decode_question(text)


def test_another_version_is_named() -> None:
    with pytest.raises(NotUnderstood, match="version 2 of the protocol, this trader speaks 1"):
        decode_question(line(v=2))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_understood_or_refused(data: bytes) -> None:
    with contextlib.suppress(NotUnderstood):
        assert decode_question(data).v == 1


def pieces(data: bytes, seed: int) -> Iterator[bytes]:
    drawn = random.Random(seed)  # noqa: S311 - where to cut is no secret
    while data:
        size = drawn.randint(1, 9)
        yield data[:size]
        data = data[size:]


@pytest.mark.parametrize("seed", range(5))
def test_lines_do_not_depend_on_how_they_were_cut(seed: int) -> None:
    text = b"one\n\ntwo and a half\nthree\nrest"
    lines = Lines(64)
    found = [whole for piece in pieces(text, seed) for whole in lines.feed(piece)]
    assert found == [b"one", b"", b"two and a half", b"three"], f"seed {seed}"


def test_an_endless_line_is_refused() -> None:
    lines = Lines(8)
    assert lines.feed(b"12345678") == []
    with pytest.raises(NotUnderstood, match="more than 8 bytes"):
        lines.feed(b"9")
