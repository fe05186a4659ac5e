"""The file of releases: read whole or not at all, in local time, through both clock changes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mytrader.config import load_settings
from mytrader.domain.limits import Blackout
from mytrader.errors import BadInput
from mytrader.release_calendar import load_releases
from mytrader.settings import Settings, to_limits

EXAMPLE = Path(__file__).parents[1] / "docs" / "reference" / "releases.example.yaml"
GOOD = (
    "{name: A, at: 2025-12-10 14:00, zone: America/New_York, "
    "minutes_before: 15, minutes_after: 45}"
)


def written(tmp_path: Path, text: str) -> Path:
    """Return a file with a text."""
    path = tmp_path / "releases.yaml"
    path.write_text(text, "utf-8")
    return path


def utc(text: str) -> datetime:
    """Return a moment written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "starts", "ends"),
    [
        ("2025-12-10 14:00", "2025-12-10 18:45", "2025-12-10 19:45"),
        ("2025-07-30 14:00:00", "2025-07-30 17:45", "2025-07-30 18:45"),
        # The hour that comes twice is both of them.
        ("2025-11-02 01:30", "2025-11-02 05:15", "2025-11-02 07:15"),
    ],
)
def test_a_local_time_is_what_the_clocks_there_show(
    tmp_path: Path, at: str, starts: str, ends: str
) -> None:
    path = written(tmp_path, f"[{GOOD.replace('2025-12-10 14:00', at)}]")
    assert load_releases(path) == (Blackout(utc(starts), utc(ends), "A"),)


def test_the_example_is_a_calendar_and_sorted() -> None:
    releases = load_releases(EXAMPLE)
    assert len(releases) == 24
    assert {one.name for one in releases} == {"FOMC statement"}
    assert list(releases) == sorted(releases, key=lambda one: one.starts_at)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("name: A", "name: 7"), "release 1: name must be a text"),
        (("name: A, ", ""), "release 1: must have exactly name, at"),
        (("at: 2025-12-10 14:00", "at: 2025-12-10"), "release 1: at must be a local time such as"),
        (("2025-12-10 14:00", "soon, sooner"), "must be a list|must have exactly"),
        (("at: 2025-12-10 14:00", "at: tomorrow noon"), "release 1: at must be a local time"),
        (("2025-12-10 14:00", "2025-12-10T14:00:00+01:00"), "release 1: at must be a local time"),
        (("2025-12-10 14:00", "1025-12-10 14:00"), "release 1: at must be a local time"),
        (("2025-12-10 14:00", "2026-03-08 02:30"), "does not exist in America/New_York"),
        (("America/New_York", "Mars/Olympus"), "release 1: zone must be a name such as"),
        (("America/New_York", "../etc"), "release 1: zone must be a name such as"),
        (("America/New_York", "5"), "release 1: zone must be a name such as"),
        (("minutes_before: 15", "minutes_before: -1"), "minutes_before must be whole minutes"),
        (("minutes_before: 15", "minutes_before: 1441"), "minutes_before must be whole minutes"),
        (("minutes_after: 45", "minutes_after: 1.5"), "minutes_after must be whole minutes"),
        (("minutes_after: 45", "minutes_after: true"), "minutes_after must be whole minutes"),
    ],
)
def test_every_mistake_is_one_line_that_names_its_release(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = written(tmp_path, f"- {GOOD.replace(*change)}\n")
    with pytest.raises(BadInput, match=said) as found:
        load_releases(path)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: A", "must be a list of releases"),
        ("", "must be a list of releases"),
        ("[", "is not YAML"),
        ("- 7", "release 1: must have exactly"),
        ("- 2025-99-99", "is not YAML|must have exactly"),
    ],
)
def test_what_is_no_calendar_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        load_releases(written(tmp_path, text))


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load_releases(tmp_path / "none.yaml")
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="is not text in UTF-8"):
        load_releases(path)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    bad = GOOD.replace("America", "Nowhere")
    with pytest.raises(BadInput) as found:
        load_releases(written(tmp_path, f"- {bad}\n- {GOOD}\n- {bad}\n"))
    lines = str(found.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["release 1", "release 3"]


def test_the_setting_reaches_the_limits(tmp_path: Path) -> None:
    """Without a file there are no blackouts; with one that nobody has read, nothing is opened."""
    assert to_limits(Settings()).blackouts == ()
    path = written(tmp_path, f"- {GOOD}\n")
    settings = load_settings(environ={}, overrides={"session.blackouts": str(path)})
    assert to_limits(settings).blackouts == load_releases(path)
    unread = Settings.model_validate({"session": {"blackouts": str(path)}})
    assert to_limits(unread).blackouts is None
    with pytest.raises(BadInput, match="cannot be read"):
        load_settings(environ={}, overrides={"session.blackouts": str(tmp_path / "none.yaml")})
