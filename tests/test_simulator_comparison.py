"""A recording of our own gateway is answered alike; one that behaved otherwise is found."""

from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace

from mytrader.simulator.comparison import Comparison, Difference, compare, comparison_lines
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway_thread import GatewayThread, PlayedDay
from mytrader.simulator.recording import Chunk, RecordingWriter, Side, read_recording
from mytrader.tws.frames import frame
from tests.recorded import recorded_session
from tests.test_examples import _example

pytestmark = pytest.mark.slow
"""Each test records a session over TCP."""


@pytest.fixture(scope="module")
def example() -> ModuleType:
    return _example("ib_async_bracket")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, example: ModuleType) -> Path:
    """One session of the unmodified client with our gateway, in a market that falls at once."""
    path = tmp_path_factory.mktemp("recorded") / "x.recording"
    with GatewayThread(PlayedDay(seed=8, speed=1)) as gateway:
        told = recorded_session(gateway, path, example.play)
    assert told["exits"] == ["Cancelled", "Filled"]
    return path


def _planted(recording: Path, path: Path, *chunks: Chunk) -> Path:
    with RecordingWriter(path, "x") as writer:
        for chunk in [*read_recording(recording), *chunks]:
            writer.add(chunk)
    return path


def test_our_own_gateway_is_answered_alike(recording: Path) -> None:
    found = compare(recording)
    assert found.alike, comparison_lines(found)
    assert (found.connections, found.subjects > 8, found.quotes > 0) == (1, True, True)
    assert comparison_lines(found)[-1] == "alike"


def test_a_gateway_that_refuses_what_ours_takes_is_found(recording: Path) -> None:
    """The simulator with a planted fault stands for a gateway of another mind."""
    found = compare(recording, Faults(reject_child_stops=1))
    stop, said = next(
        (each, fact)
        for each in found.differences
        for fact in each.simulated
        if fact == "error 201"
    )
    assert stop.subject.startswith("order ")
    assert said not in stop.recorded
    lines = comparison_lines(found)
    assert f"connection 1, {stop.subject}" in lines
    assert lines[-1] == f"{len(found.differences)} subjects differ"


def test_messages_that_our_layouts_cannot_read_are_counted(
    recording: Path, tmp_path: Path
) -> None:
    last = read_recording(recording)[-1]
    strange = Chunk(last.at, 1, Side.GATEWAY, frame(b"9\x001\x005\x00new\0") * 2)
    request = Chunk(last.at, 1, Side.CLIENT, frame(b"777\x001\0"))
    found = compare(_planted(recording, tmp_path / "x", strange, request))
    (unread,) = found.unread
    assert unread.startswith("message 9 with 4 fields: NextValidId: 2 fields where 1 belong")
    assert unread.endswith("(2 times)")
    assert found.unknown == ("message 777 with 2 fields: message id 777 is not known (1 times)",)
    assert not found.alike


def test_the_comparison_is_the_same_every_time(recording: Path) -> None:
    first = compare(recording, Faults(reject_child_stops=1))
    assert compare(recording, Faults(reject_child_stops=1)) == first


def test_findings_are_told_in_lines() -> None:
    found = Comparison(1, 20, 3, 5, (), (), ())
    assert comparison_lines(found)[-1] == "alike"
    found = replace(found, differences=(Difference(1, "order 3", ("open Submitted",), ()),))
    assert comparison_lines(found)[1:] == [
        "connection 1, order 3",
        "  recorded:  open Submitted",
        "  simulated: nothing",
        "1 subjects differ",
    ]
