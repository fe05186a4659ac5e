"""Times as clients write them."""

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.tws.errors import WireError

_ZONES: Final = {
    "US/Central": EXCHANGE_ZONE,
    "America/Chicago": EXCHANGE_ZONE,
    "US/Eastern": ZoneInfo("America/New_York"),
    "America/New_York": ZoneInfo("America/New_York"),
    "UTC": UTC,
    "GMT": UTC,
}
_WAYS: Final = (
    ("%Y%m%d-%H:%M:%S", UTC),
    ("%Y%m%d %H:%M:%S", EXCHANGE_ZONE),
)


def read_time(text: str) -> datetime:
    """Return the time in `YYYYMMDD HH:MM:SS ZONE` or `YYYYMMDD-HH:MM:SS` (UTC), aware UTC.

    A time without a zone is the exchange's. Raises `WireError`.
    """
    body, zone = _split_zone(" ".join(text.split()))
    for form, usual in _WAYS:
        try:
            # The zone is attached in the same breath; ruff cannot see it from the format alone.
            naive = datetime.strptime(body, form)  # noqa: DTZ007 - the zone is a name of the broker's
        except ValueError:
            continue
        return naive.replace(tzinfo=zone or usual).astimezone(UTC)
    raise WireError(f"{text[:40]!r} is not a time such as 20251212 09:30:00 US/Central")


def _split_zone(text: str) -> tuple[str, tzinfo | None]:
    head, _, tail = text.rpartition(" ")
    zone = _ZONES.get(tail)
    return (text, None) if zone is None else (head, zone)
