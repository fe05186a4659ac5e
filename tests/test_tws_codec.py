"""Any bytes become a message or the one error; the error knows whom it concerns."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.tws import answers, requests
from mytrader.tws.codec import decode_answer, decode_request, encode
from mytrader.tws.errors import NO_SUBJECT, WireError
from mytrader.tws.fields import Message
from mytrader.tws.frames import LENGTH_BYTES

field = st.one_of(
    st.integers(-1, 110).map(str),
    st.sampled_from(
        ["", "1", "0", "8", "11", "1.5", "x", "\udcff".encode("utf-8", "replace").decode()]
    ),
    st.text(max_size=4),
)
bodies = st.one_of(
    st.binary(max_size=60),
    st.lists(field, max_size=24).map(lambda fields: "".join(f"{f}\0" for f in fields).encode()),
)


TICK_BY_TICK = 99


def _again(message: Message) -> bytes:
    return encode(message)[LENGTH_BYTES:]


@pytest.mark.slow
@settings(deadline=None, print_blob=True, max_examples=300)
@given(body=bodies)
def test_any_body_is_a_request_or_the_one_error(body: bytes) -> None:
    try:
        message = decode_request(body)
    except WireError:
        return
    assert decode_request(_again(message)) == message


@pytest.mark.slow
@settings(deadline=None, print_blob=True, max_examples=300)
@given(body=bodies)
def test_any_body_is_an_answer_or_the_one_error(body: bytes) -> None:
    try:
        message = decode_answer(body)
    except WireError:
        return
    assert decode_answer(_again(message)) == message


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not NUL"),
        (b"8\x001\x001", "not NUL"),
        (b"\0", "not an integer"),
        (b"777\x001\0", "777 is not known"),
        (b"8\0\xff\xfe\0", "not UTF-8"),
        (b"8\0", "before its version"),
        (b"8\x002\x001\0", "version 2 where 1 belongs"),
        (b"61\x001\x00surplus\0", "1 fields where 0 belong"),
    ],
)
def test_malformed_request_is_refused_with_its_reason(body: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why):
        decode_request(body)


def test_malformed_request_names_whom_it_concerns() -> None:
    with pytest.raises(WireError) as caught:
        decode_request(b"4\x001\x0031\x00\x00surplus\0")
    assert caught.value.subject == 31
    with pytest.raises(WireError) as caught:
        decode_request(b"4\x001\x00x\x00\0")
    assert caught.value.subject == NO_SUBJECT


def test_answer_of_another_version_is_read_past() -> None:
    assert decode_answer(b"9\x007\x0041\0") == answers.NextValidId(41)


def test_text_that_is_not_unicode_is_not_sent() -> None:
    with pytest.raises(WireError, match="not Unicode"):
        encode(requests.RequestAccountSummary(1, "\ud800", ""))


def test_message_ids_are_unique_in_each_direction() -> None:
    for module in (requests, answers):
        types = [
            each
            for each in vars(module).values()
            if isinstance(each, type) and issubclass(each, Message) and each is not Message
        ]
        ids = [each.ID for each in types if each.ID != TICK_BY_TICK]
        assert len(set(ids)) == len(ids)


def test_layouts_of_one_id_are_told_apart_by_their_type() -> None:
    for message in (
        answers.TickByTickLast(1, 1, 5, Decimal(1), Decimal(2), 0, "CME"),
        answers.TickByTickAllLast(1, 2, 5, Decimal(1), Decimal(2), 0, "CME"),
        answers.TickByTickQuote(1, 3, 5, Decimal(1), Decimal(2), Decimal(3), Decimal(4)),
        answers.TickByTickMidpoint(1, 4, 5, Decimal(1)),
    ):
        assert decode_answer(encode(message)[4:]) == message


def test_hot_message_is_written_as_expected() -> None:
    tick = answers.TickPrice(3, 1, Decimal("6850.25"), Decimal(9))
    assert _again(tick) == b"1\x006\x003\x001\x006850.25\x009\x000\0"
