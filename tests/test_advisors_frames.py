"""A stream that breaks off is noticed, wherever it breaks off."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.advisors.frames import CutStream, FrameWatch, TooLate, TooLong, whole_frames
from mytrader.simulator.event_stream import chunk, event

STREAM = event("trace", {"a": 1}) + chunk(b"{}") + chunk(b"end")
ENDS = [len(event("trace", {"a": 1})), len(event("trace", {"a": 1}) + chunk(b"{}")), len(STREAM)]


def read(
    pieces: list[bytes],
    *,
    length: int | None = None,
    bytes_max: int = 10_000,
    in_time: bool = True,
) -> bytes:
    watched = whole_frames(pieces, lambda: in_time, length=length, bytes_max=bytes_max)
    return b"".join(watched)


@given(st.lists(st.integers(1, len(STREAM) - 1), unique=True))
def test_a_whole_stream_passes_however_it_is_cut_into_pieces(cuts: list[int]) -> None:
    marks = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(marks)]
    assert read(pieces, length=len(STREAM)) == STREAM


def test_a_stream_that_ends_inside_a_frame_is_cut() -> None:
    for end in set(range(1, len(STREAM))) - set(ENDS):
        with pytest.raises(CutStream, match="inside a frame"):
            read([STREAM[:end]])
    for end in ENDS:
        assert read([STREAM[:end]]) == STREAM[:end]


def test_a_stream_that_is_not_as_long_as_announced_is_cut() -> None:
    with pytest.raises(CutStream, match=f"{ENDS[1]} bytes of {len(STREAM)}"):
        read([STREAM[: ENDS[1]]], length=len(STREAM))


def test_a_stream_without_end_is_given_up() -> None:
    with pytest.raises(TooLong):
        read([STREAM], bytes_max=len(STREAM) - 1)
    with pytest.raises(TooLate):
        read([STREAM], in_time=False)


def test_a_length_that_no_frame_can_have_does_not_confuse_the_watch() -> None:
    watch = FrameWatch()
    watch.feed(bytes(4))
    assert watch.whole
    watch.feed(b"\x00")
    assert not watch.whole
