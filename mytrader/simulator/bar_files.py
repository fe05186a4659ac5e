"""One-minute bars from Parquet and CSV files, checked row by row before anything trades on them.

Columns: `timestamp` (the bar's open), `open`, `high`, `low`, `close` (index points), `volume`
(contracts); others are ignored. Rows are in order of time, one a minute at most; minutes may be
missing. A timestamp must say its zone, in Parquet by the column's type, in CSV by `Z` or an
offset: a naive time is refused rather than guessed, because an hour's error trades in the halt.
A bar with volume 0 is accepted: nothing traded in that minute (`simulator.market`).

Whatever else is wrong is a `BadInput` of one line that names the file, the row (the first row of
data is row 1), its time and the remedy.
"""

import datetime as dt
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import polars as pl
from msgspec import Struct

from mytrader.domain.instrument import PRICE_TICKS_MAX, Instrument
from mytrader.domain.market import Bar
from mytrader.domain.session import trading_date
from mytrader.errors import BadInput
from mytrader.simulator.trading_hours import session_bounds

_PRICES: Final = ("open", "high", "low", "close")
_NUMBERS: Final = (*_PRICES, "volume")
_COLUMNS: Final = ("timestamp", *_NUMBERS)
_VOLUME_MAX: Final = 1_000_000_000
_GRID_TOLERANCE: Final = 1e-9
_DATES_NAMED_MAX: Final = 31
_UTC: Final = pl.Datetime("us", "UTC")


class BarFile(Struct, frozen=True):
    """A file's bars: those of the session that was asked for, and those before it."""

    history: list[Bar]
    session: list[Bar]


class _Rule(Struct, frozen=True):
    broken: pl.Expr
    complaint: str
    shown: tuple[str, ...] = ()


def load_bars(path: Path, instrument: Instrument, *, date: dt.date | None = None) -> list[Bar]:
    """Return the bars of the session of `date`, or all bars; raises `BadInput`."""
    return load_bar_file(path, instrument, date=date).session


def load_bar_file(path: Path, instrument: Instrument, *, date: dt.date | None = None) -> BarFile:
    """Return the session of `date` (17:00 the evening before to 16:00 Central) and what precedes.

    Without `date` all bars are the session. Raises `BadInput` for a file that is missing,
    unreadable or wrong, and for a date without bars; see the module.
    """
    frame = _read(path)
    _check(path, frame, instrument=instrument)
    bars = list(_bars(frame, instrument))
    if date is None:
        return BarFile([], bars)
    opened, closed = session_bounds(date)
    session = [bar for bar in bars if opened <= bar.opened_at < closed]
    if not session:
        raise BadInput(f"{path}: no bars for the session of {date}; it has {_dates(bars)}")
    return BarFile([bar for bar in bars if bar.opened_at < opened], session)


def _read(path: Path) -> pl.DataFrame:
    if path.is_dir():
        raise BadInput(f"{path} is a directory; name a .parquet or .csv file in it")
    readers = {".parquet": _read_parquet, ".csv": _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"{path} is neither .parquet nor .csv; convert it to one of them")
    try:
        return reader(path)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist; check the path") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise BadInput(
            f"{path} cannot be read as {path.suffix} ({reason}); check or export it again"
        ) from None


def _read_parquet(path: Path) -> pl.DataFrame:
    with path.open("rb") as file:
        frame = pl.read_parquet(file)
    _check_columns(path, frame)
    kind = frame.schema["timestamp"]
    if not isinstance(kind, pl.Datetime):
        raise BadInput(f"{path}: column timestamp is {kind}; store it as a datetime in UTC")
    if kind.time_zone is None:
        raise BadInput(f"{path}: column timestamp has no time zone; store it in UTC")
    for name in _NUMBERS:
        if not frame.schema[name].is_numeric():
            raise BadInput(f"{path}: column {name} is {frame.schema[name]}; store numbers")
    return frame.with_columns(pl.col("timestamp").dt.convert_time_zone("UTC"))


def _read_csv(path: Path) -> pl.DataFrame:
    with path.open("rb") as file:
        frame = pl.read_csv(file, infer_schema=False)
    _check_columns(path, frame)
    times = [_csv_time(path, text, row=row) for row, text in enumerate(frame["timestamp"], 1)]
    numbers = [pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) for name in _NUMBERS]
    parsed = frame.with_columns(pl.Series("timestamp", times, dtype=_UTC), *numbers)
    for name in _NUMBERS:
        for row, (text, number) in enumerate(zip(frame[name], parsed[name], strict=True), 1):
            if number is None and text is not None:
                raise BadInput(f"{path}: row {row}: {name} {text!r} is not a number; correct it")
    return parsed


def _csv_time(path: Path, text: str | None, *, row: int) -> dt.datetime:
    try:
        time = dt.datetime.fromisoformat((text or "").strip())
    except ValueError:
        raise BadInput(
            f"{path}: row {row}: timestamp {text!r} is not a time; write 2025-12-12T14:30:00Z"
        ) from None
    if time.tzinfo is None:
        raise BadInput(
            f"{path}: row {row}: timestamp {text!r} has no time zone; write it in UTC with a Z"
        )
    return time.astimezone(dt.UTC)


def _check_columns(path: Path, frame: pl.DataFrame) -> None:
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise BadInput(
            f"{path}: no column {', '.join(missing)}; the columns needed are {', '.join(_COLUMNS)}"
        )
    if frame.is_empty():
        raise BadInput(f"{path} has no rows; export it again")


def _check(path: Path, frame: pl.DataFrame, *, instrument: Instrument) -> None:
    rows = frame.select(
        pl.int_range(1, pl.len() + 1).alias("row"),
        "timestamp",
        *(pl.col(name).cast(pl.Float64) for name in _NUMBERS),
    )
    for rule in _rules(instrument):
        first = rows.filter(rule.broken).head(1)
        if not first.is_empty():
            found = first.row(0, named=True)
            values = ", ".join(f"{name} {found[name]}" for name in rule.shown)
            when = found["timestamp"] or "without a time"
            raise BadInput(f"{path}: row {found['row']} ({when}): {values} {rule.complaint}")


def _rules(instrument: Instrument) -> Iterator[_Rule]:
    for name in _COLUMNS:
        yield _Rule(pl.col(name).is_null(), "is empty; fill it in or drop the row", (name,))
    time = pl.col("timestamp")
    years = ~time.dt.year().is_between(1970, 2200)
    yield _Rule(years, "is of another age; check its unit", ("timestamp",))
    odd = time.dt.truncate("1m") != time
    yield _Rule(odd, "is not on a whole minute; aggregate to one-minute bars", ("timestamp",))
    step, none = time.diff(), dt.timedelta(0)
    yield _Rule(step < none, "is before the row above; sort the file", ("timestamp",))
    yield _Rule(step == none, "is there twice; keep one of the rows", ("timestamp",))
    tick = float(instrument.tick_size)
    for name in _PRICES:
        price = pl.col(name)
        yield _Rule(~price.is_finite(), "is not a price; correct it or drop the row", (name,))
        yield _Rule(price <= 0, "is not above 0; correct it or drop the row", (name,))
        large = price > PRICE_TICKS_MAX * tick
        yield _Rule(large, f"is not a price of {instrument.symbol}; correct it", (name,))
        off_grid = ((price / tick).round() * tick - price).abs() > _GRID_TOLERANCE
        grid = f"is off the {instrument.tick_size} grid of {instrument.symbol}"
        yield _Rule(off_grid, f"{grid}; check the instrument and the prices", (name,))
    yield _Rule(pl.col("high") < pl.col("low"), "are swapped; correct the row", ("high", "low"))
    for name in ("open", "close"):
        outside = ~pl.col(name).is_between(pl.col("low"), pl.col("high"))
        yield _Rule(outside, "do not fit together; correct the row", (name, "high", "low"))
    volume = pl.col("volume")
    whole = volume.is_finite() & (volume >= 0) & (volume <= _VOLUME_MAX)
    whole &= volume.floor() == volume
    yield _Rule(~whole, "is not a count of contracts; correct it", ("volume",))


def _bars(frame: pl.DataFrame, instrument: Instrument) -> Iterator[Bar]:
    tick = float(instrument.tick_size)
    ticks = frame.select(
        pl.col("timestamp").cast(_UTC),
        *((pl.col(name).cast(pl.Float64) / tick).round().cast(pl.Int64) for name in _PRICES),
        pl.col("volume").cast(pl.Float64).cast(pl.Int64),
    )
    for opened_at, *numbers in ticks.iter_rows():
        yield Bar(opened_at.replace(tzinfo=dt.UTC), *numbers)


def _dates(bars: list[Bar]) -> str:
    days = [day for day, _ in groupby(bars, key=lambda bar: trading_date(bar.opened_at))]
    if len(days) > _DATES_NAMED_MAX:
        return f"{len(days)} sessions from {days[0]} to {days[-1]}"
    return ", ".join(str(day) for day in days)
