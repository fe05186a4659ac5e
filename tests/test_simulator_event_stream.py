"""The frames are the ones that botocore reads."""

from typing import Any

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from mytrader.simulator.event_stream import chunk, event, exception, frame, with_wrong_checksum


def read(stream: bytes) -> list[tuple[dict[str, object], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    # The stub says that headers are a number.
    messages: list[Any] = list(buffer)
    return [(dict(message.headers), message.payload) for message in messages]


def test_a_chunk_is_an_event_with_its_bytes_in_base_64() -> None:
    ((headers, payload),) = read(chunk(b"GO"))
    assert headers == {
        ":message-type": "event",
        ":event-type": "chunk",
        ":content-type": "application/json",
    }
    assert payload == b'{"bytes": "R08="}'


def test_an_exception_names_its_type() -> None:
    ((headers, payload),) = read(exception("throttlingException", "slow down"))
    assert headers[":message-type"] == "exception"
    assert headers[":exception-type"] == "throttlingException"
    assert payload == b'{"message": "slow down"}'


def test_frames_follow_one_another() -> None:
    assert [payload for _, payload in read(frame({}, b"a") + event("x", {}) + frame({}, b""))] == [
        b"a",
        b"{}",
        b"",
    ]


def test_a_turned_bit_is_found() -> None:
    with pytest.raises(ChecksumMismatch):
        read(with_wrong_checksum(chunk(b"GO")))
