"""A recording keeps every byte with its time, is its owner's alone, and is never overwritten."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mytrader.errors import BadInput
from mytrader.simulator.recording import Chunk, RecordingWriter, Side, read_recording

AT = datetime(2025, 12, 11, 15, 0, 0, 123456, UTC)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    chunks = [
        Chunk(AT, 1, Side.OPENED),
        Chunk(AT, 1, Side.CLIENT, b"API\0\xff\n"),
        Chunk(AT, 2, Side.GATEWAY, bytes(range(256))),
        Chunk(AT, 1, Side.CLOSED),
    ]
    path = tmp_path / "x.recording"
    with RecordingWriter(path, "127.0.0.1:4001") as writer:
        for chunk in chunks:
            writer.add(chunk)
        assert read_recording(path) == chunks, "each line is through before the next"
    assert writer.bytes_recorded == 262
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="utf-8").splitlines()[1] == (
        '{"at":"2025-12-11T15:00:00.123456Z","connection":1,"from":"opened","data":""}'
    )


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.recording"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(BadInput, match="it exists"):
        RecordingWriter(path, "gateway")
    with pytest.raises(BadInput, match="No such file"):
        RecordingWriter(tmp_path / "no" / "x", "gateway")
    assert path.read_text(encoding="utf-8") == "precious"


HEADER = '{"recording":1,"gateway":"x"}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "line 1"),
        ('{"recording":2,"gateway":"x"}', "has form 2"),
        (HEADER + "{}", "line 2: Object missing required field `at`"),
        (HEADER + '{"at":"yesterday","connection":1,"from":"client"}', "line 2"),
        (HEADER + '{"at":"2025-12-11T15:00:00Z","connection":1,"from":"nobody"}', "nobody"),
        (HEADER + "\xff", "line 2"),
    ],
)
def test_what_is_no_recording_is_one_line_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "x.recording"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=said) as caught:
        read_recording(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read_recording(tmp_path / "none")
