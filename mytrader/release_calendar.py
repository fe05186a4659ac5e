"""The calendar of scheduled releases, from a YAML file, as times in which nothing is opened.

The file is a list; each release has a name, a local time, its zone, and how many minutes before
and after it nothing is opened (docs/reference/releases.example.yaml). Everything that is wrong is
reported at once, a line each: a release that was left out silently would be traded.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import yaml

from mytrader.domain.limits import Blackout
from mytrader.errors import BadInput

KEYS: Final = ("name", "at", "zone", "minutes_before", "minutes_after")
MINUTES_MAX: Final = 24 * 60
"""A release that stops trading for longer than a day is a mistake."""


def load_releases(path: Path) -> tuple[Blackout, ...]:
    """Return the blackouts of a file, oldest first; raises `BadInput`, one line per mistake."""
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
        raise BadInput(f"{path}: {why}: check session.blackouts") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: is not text in UTF-8: check session.blackouts") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, list):
        raise BadInput(f"{path}: must be a list of releases, each with {', '.join(KEYS)}")
    errors: list[str] = []
    found = [_release(f"{path}: release {n}", entry, errors) for n, entry in enumerate(content, 1)]
    if errors:
        raise BadInput("\n".join(errors))
    return tuple(sorted(filter(None, found), key=lambda blackout: blackout.starts_at))


def _release(where: str, entry: object, errors: list[str]) -> Blackout | None:
    if not isinstance(entry, dict) or set(entry) != set(KEYS):
        errors.append(f"{where}: must have exactly {', '.join(KEYS)}")
        return None
    wrong = list(_mistakes(entry))
    if wrong:
        errors += [f"{where}: {mistake}" for mistake in wrong]
        return None
    earliest, latest = _moments(_local(entry["at"]), ZoneInfo(entry["zone"]))
    before = timedelta(minutes=entry["minutes_before"])
    after = timedelta(minutes=entry["minutes_after"])
    return Blackout(earliest - before, latest + after, entry["name"])


def _mistakes(entry: dict[str, object]) -> Iterator[str]:
    """Yield what is wrong with the values of a release."""
    if not isinstance(entry["name"], str) or not entry["name"].strip():
        yield "name must be a text"
    for key in ("minutes_before", "minutes_after"):
        minutes = entry[key]
        if type(minutes) is not int or not 0 <= minutes <= MINUTES_MAX:
            yield f"{key} must be whole minutes from 0 to {MINUTES_MAX} (it is {minutes!r})"
    zone = _zone(entry["zone"])
    if zone is None:
        yield f"zone must be a name such as America/New_York (it is {entry['zone']!r})"
    try:
        local = _local(entry["at"])
    except ValueError:
        yield f"at must be a local time such as 2025-12-10 14:00 (it is {entry['at']!r})"
        return
    if (
        zone is not None
        and _moments(local, zone)[0].astimezone(zone).replace(tzinfo=None) != local
    ):
        yield f"{local:%Y-%m-%d %H:%M} does not exist in {zone}: the clocks change"


def _zone(name: object) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (ValueError, OSError, KeyError):
        return None


def _local(at: object) -> datetime:
    """Return a local time without zone; raises `ValueError` for anything else."""
    if not isinstance(at, datetime):
        if isinstance(at, date) or not isinstance(at, str) or len(at) <= len("2025-12-10"):
            raise ValueError("no time of the day")
        at = datetime.fromisoformat(at)
    if at.tzinfo is not None or not 2000 <= at.year < 2100:
        raise ValueError("another offset, or another century")
    return at


def _exists(local: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks show a time at all: they skip an hour in spring."""
    return _moments(local, zone)[0].astimezone(zone).replace(tzinfo=None) == local


def _moments(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first and the last moment that a local time may mean: clocks go back."""
    first, last = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, last
