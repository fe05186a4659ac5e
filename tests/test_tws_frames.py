"""Frames come out whole however the stream is cut; nonsense is refused before it costs memory."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.tws.errors import WireError
from mytrader.tws.frames import (
    API_PREFIX,
    FRAME_BYTES_MAX,
    ClientHello,
    FrameReader,
    ServerHello,
    choose_version,
    decode_client_hello,
    decode_server_hello,
    encode_client_hello,
    encode_server_hello,
    frame,
)


@pytest.mark.slow
@settings(deadline=None, print_blob=True)
@given(bodies=st.lists(st.binary(max_size=40)), cuts=st.lists(st.integers(1, 7), min_size=1))
def test_any_cut_of_the_stream_gives_the_same_bodies(bodies: list[bytes], cuts: list[int]) -> None:
    stream = API_PREFIX + b"".join(map(frame, bodies))
    reader = FrameReader(prefix=API_PREFIX)
    seen: list[bytes] = []
    start = turn = 0
    while start < len(stream):
        size = cuts[turn % len(cuts)]
        seen += reader.feed(stream[start : start + size])
        start, turn = start + size, turn + 1
    assert seen == bodies
    assert reader.pending == 0


def test_half_a_frame_waits() -> None:
    reader = FrameReader()
    assert reader.feed(frame(b"abc")[:5]) == []
    assert reader.pending == 5
    assert reader.feed(b"bc") == [b"abc"]


def test_length_of_four_gigabytes_is_refused_at_once() -> None:
    reader = FrameReader(limit=1000)
    with pytest.raises(WireError, match="4294967295 bytes"):
        reader.feed(b"\xff\xff\xff\xff")


def test_frame_of_the_limit_passes_and_one_byte_more_does_not() -> None:
    reader = FrameReader(limit=3)
    assert reader.feed(frame(b"abc")) == [b"abc"]
    with pytest.raises(WireError, match="over the limit of 3"):
        reader.feed(frame(b"abcd"))


def test_body_over_the_limit_is_not_sent() -> None:
    with pytest.raises(WireError, match="over the limit"):
        frame(bytes(FRAME_BYTES_MAX + 1))


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1", b"\0\0\0\x09v157..178", b"API "])
def test_stream_without_the_prefix_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="the stream begins with"):
        FrameReader(prefix=API_PREFIX).feed(data)


def test_prefix_may_come_in_pieces() -> None:
    reader = FrameReader(prefix=API_PREFIX)
    assert reader.feed(b"AP") == []
    assert reader.feed(b"I\0" + frame(b"x")) == [b"x"]


@pytest.mark.parametrize("options", ["", "+PACEAPI"])
def test_client_hello_round_trip(options: str) -> None:
    hello = ClientHello(157, 178, options)
    data = encode_client_hello(hello)
    assert data.startswith(API_PREFIX)
    (body,) = FrameReader(prefix=API_PREFIX).feed(data)
    assert decode_client_hello(body) == hello


def test_server_hello_round_trip() -> None:
    hello = ServerHello(178, "20251212 09:30:00 US/Central")
    (body,) = FrameReader().feed(encode_server_hello(hello))
    assert decode_server_hello(body) == hello


@pytest.mark.parametrize("body", [b"", b"v157", b"157..178", b"v1..9999999999", b"\xff"])
def test_malformed_client_hello_is_refused(body: bytes) -> None:
    with pytest.raises(WireError, match="not an offer"):
        decode_client_hello(body)


@pytest.mark.parametrize("body", [b"", b"178\0", b"x\0time\0", b"178\0time\0more\0", b"178\0time"])
def test_malformed_server_hello_is_refused(body: bytes) -> None:
    with pytest.raises(WireError, match="not a server's version"):
        decode_server_hello(body)


@pytest.mark.parametrize(("low", "high"), [(100, 178), (157, 200), (178, 178)])
def test_version_178_is_chosen_when_it_is_offered(low: int, high: int) -> None:
    assert choose_version(ClientHello(low, high)) == 178


@pytest.mark.parametrize(("low", "high"), [(100, 157), (157, 177), (100, 176)])
def test_version_157_is_chosen_for_a_client_that_offers_no_newer_of_ours(
    low: int, high: int
) -> None:
    assert choose_version(ClientHello(low, high)) == 157


@pytest.mark.parametrize(("low", "high"), [(100, 156), (158, 177), (179, 200)])
def test_client_of_another_version_is_refused(low: int, high: int) -> None:
    with pytest.raises(WireError, match=f"{low} to {high}"):
        choose_version(ClientHello(low, high))
