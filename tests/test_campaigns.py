"""`mytrader simulate`: what was typed, what is played, what is shown, and how it ends."""

from pathlib import Path

import msgspec
import pytest

from mytrader.campaigns import commit_of
from mytrader.domain.limits import Profile
from mytrader.proof.day_script import Wanted, draw_day
from mytrader.simulator.fault_files import PROFILES
from tests.command_line import CommandLine, mytrader

__all__ = ["mytrader"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seeds", "5..1"], "the last seed must not be below the first"),
        (["--seeds", "a..b"], "give A..B"),
        ([], "--seeds is missing"),
        (["--seeds", "1", "--profile", "loose"], "--profile loose is unknown"),
        (["--seeds", "1", "--faults", "worst"], "worst"),
        (["--script", "nowhere.json"], "No such file"),
        (["--script", __file__], "it must be a day of this version"),
    ],
)
def test_bad_input_is_one_line(
    mytrader: CommandLine, arguments: list[str], complaint: str
) -> None:
    mytrader("simulate", *arguments).is_one_line(complaint)


def short_day(folder: Path) -> Path:
    """A calm quarter of an hour as a file."""
    script = draw_day(3, Wanted(15, Profile.STRICT, "calm", PROFILES["calm"]))
    file = folder / "day.json"
    file.write_bytes(msgspec.json.encode(script))
    return file


@pytest.mark.slow
def test_a_day_of_a_file_is_played_and_shown(mytrader: CommandLine, tmp_path: Path) -> None:
    picture = tmp_path / "bare.svg"
    file = short_day(tmp_path)
    said = mytrader("simulate", "--script", file, "--picture", picture, "--json")
    shown = said.json
    assert (said.status, said.err) == (0, "")
    assert (shown["days"], shown["violations"], shown["scripts"]) == (1, [], [])
    assert picture.read_text().startswith("<svg")
    again = mytrader("simulate", "--script", file, "--json").json
    assert again["digest"] == shown["digest"]


def test_a_commit_is_found_or_unknown(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == "unknown"
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\nabc123 refs/heads/main\n")
    assert commit_of(tmp_path) == "abc123"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "main").write_text("def456\n")
    assert commit_of(tmp_path) == "def456"
    (git / "HEAD").write_text("789abc\n")
    assert commit_of(tmp_path) == "789abc"
