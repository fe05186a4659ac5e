"""Bar files: what is good is read exactly, what is wrong is one clear line."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from mytrader.domain.instrument import ES, MES
from mytrader.domain.market import Bar
from mytrader.errors import BadInput
from mytrader.simulator.bar_files import load_bar_file, load_bars

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
AT = dt.datetime(2025, 12, 12, 15, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HEADER = "timestamp,open,high,low,close,volume\n"
GOOD = ("2025-12-12T15:00:00Z", "6890.25", "6891.00", "6889.75", "6890.50", "120")
NAMES = ("timestamp", "open", "high", "low", "close", "volume")


def csv(tmp_path: Path, *rows: tuple[str, ...], header: str = HEADER) -> Path:
    """Write a CSV file."""
    path = tmp_path / "bars.csv"
    path.write_text(header + "".join(",".join(row) + "\n" for row in rows))
    return path


def parquet(tmp_path: Path, frame: pl.DataFrame) -> Path:
    """Write a Parquet file."""
    path = tmp_path / "bars.parquet"
    frame.write_parquet(path)
    return path


def frame(count: int = 3) -> pl.DataFrame:
    """Return good bars as a table."""
    return pl.DataFrame(
        {
            "timestamp": [AT + MINUTE * n for n in range(count)],
            "open": [6890.25] * count,
            "high": [6891.0] * count,
            "low": [6889.75] * count,
            "close": [6890.5] * count,
            "volume": [120.0] * count,
        }
    )


def complaint(path: Path, *, date: dt.date | None = None) -> str:
    """Return the one line that refuses a file; it names the file."""
    with pytest.raises(BadInput) as caught:
        load_bars(path, ES, date=date)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text


BAR = Bar(AT, 27561, 27564, 27559, 27562, 120)


def test_csv_and_parquet_give_the_same_bars(tmp_path: Path) -> None:
    assert load_bars(csv(tmp_path, GOOD), ES) == [BAR]
    assert load_bars(parquet(tmp_path, frame(1)), MES) == [BAR]


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float32, pl.Decimal(12, 0)])
def test_any_numeric_type_and_any_zone_will_do(tmp_path: Path, kind: pl.DataType) -> None:
    table = frame(1).with_columns(
        pl.col("volume").cast(kind),
        pl.col("timestamp").dt.convert_time_zone("America/Chicago").dt.cast_time_unit("ns"),
    )
    assert load_bars(parquet(tmp_path, table), ES) == [BAR]


def test_an_offset_other_than_utc_is_converted(tmp_path: Path) -> None:
    row = ("2025-12-12 09:00:00-06:00", *GOOD[1:])
    assert load_bars(csv(tmp_path, row), ES) == [BAR]


def test_a_bar_without_volume_is_accepted(tmp_path: Path) -> None:
    [bar] = load_bars(csv(tmp_path, (*GOOD[:5], "0")), ES)
    assert bar.volume == 0


def test_other_columns_are_ignored(tmp_path: Path) -> None:
    table = frame().with_columns(pl.lit("ESZ5").alias("symbol"))
    assert len(load_bars(parquet(tmp_path, table), ES)) == 3


def test_a_date_selects_its_session_and_what_came_before(tmp_path: Path) -> None:
    opened = dt.datetime(2025, 12, 11, 23, 0, tzinfo=dt.UTC)
    times = [opened - 61 * MINUTE, opened, opened + 1379 * MINUTE, opened + 1440 * MINUTE]
    table = frame(4).with_columns(pl.Series("timestamp", times))
    path = parquet(tmp_path, table)
    found = load_bar_file(path, ES, date=dt.date(2025, 12, 12))
    assert [bar.opened_at for bar in found.history] == times[:1]
    assert [bar.opened_at for bar in found.session] == times[1:3]
    assert load_bars(path, ES, date=dt.date(2025, 12, 12)) == found.session
    assert load_bar_file(path, ES).history == []


def test_a_date_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    text = complaint(csv(tmp_path, GOOD), date=dt.date(2025, 12, 11))
    assert text.endswith("no bars for the session of 2025-12-11; it has 2025-12-12")


def test_many_dates_are_named_by_the_first_and_the_last(tmp_path: Path) -> None:
    times = pl.Series("timestamp", [AT + dt.timedelta(days=n) for n in range(40)])
    path = parquet(tmp_path, frame(40).with_columns(times))
    text = complaint(path, date=dt.date(2024, 1, 2))
    assert text.endswith("it has 40 sessions from 2025-12-12 to 2026-01-20")


def test_a_missing_file(tmp_path: Path) -> None:
    assert "does not exist" in complaint(tmp_path / "none.parquet")
    assert "does not exist" in complaint(tmp_path / "none.csv")


def test_a_directory(tmp_path: Path) -> None:
    assert "is a directory" in complaint(tmp_path)


def test_another_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "bars.xlsx"
    path.write_bytes(b"PK")
    assert "neither .parquet nor .csv" in complaint(path)


@pytest.mark.parametrize("content", [b"", b"not parquet at all", b"PAR1" + b"\0" * 40 + b"PAR1"])
def test_a_file_that_is_not_parquet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bars.parquet"
    path.write_bytes(content)
    assert "cannot be read as .parquet" in complaint(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\n\x81,\x82\n", b"PAR1\0\0\0"])
def test_a_file_that_is_not_csv(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(content)
    text = complaint(path)
    assert "cannot be read as .csv" in text or "no column timestamp" in text


def test_missing_columns_are_named_with_those_needed(tmp_path: Path) -> None:
    text = complaint(parquet(tmp_path, frame().drop("open", "volume")))
    assert "no column open, volume" in text
    assert "timestamp, open, high, low, close, volume" in text


def test_no_rows(tmp_path: Path) -> None:
    assert "has no rows" in complaint(csv(tmp_path))
    assert "has no rows" in complaint(parquet(tmp_path, frame().head(0)))


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pl.col("timestamp").dt.epoch("s"), "timestamp is Int64"),
        (pl.col("timestamp").dt.date(), "timestamp is Date"),
        (pl.col("timestamp").dt.replace_time_zone(None), "timestamp has no time zone"),
        (pl.col("close").cast(pl.String), "close is String"),
        (pl.col("volume") > 0, "volume is Boolean"),
    ],
)
def test_columns_of_the_wrong_type(tmp_path: Path, column: pl.Expr, reason: str) -> None:
    assert reason in complaint(parquet(tmp_path, frame().with_columns(column)))


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("2025-12-12T15:00:00", "has no time zone; write it in UTC"),
        ("yesterday", "'yesterday' is not a time"),
        ("", "None is not a time"),
        ("2025-12-12T15:00:30Z", "(2025-12-12 15:00:30+00:00)"),
        ("2025-12-12T15:00:00.000001Z", "is not on a whole minute"),
        ("0001-01-01T00:00:00Z", "is of another age"),
    ],
)
def test_times_that_cannot_be_used(tmp_path: Path, time: str, reason: str) -> None:
    text = complaint(csv(tmp_path, (time, *GOOD[1:])))
    assert "row 1" in text
    assert reason in text


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        *[
            (name, value, reason)
            for name in ("open", "high", "low", "close")
            for value, reason in (
                ("6890.30", f"{name} 6890.3 is off the 0.25 grid of ES"),
                ("0", f"{name} 0.0 is not above 0"),
                ("-6890.25", f"{name} -6890.25 is not above 0"),
                ("nan", f"{name} nan is not a price"),
                ("inf", f"{name} inf is not a price"),
                ("1e300", f"{name} 1e+300 is not a price of ES"),
                ("", f"{name} None is empty"),
                ("x", f"{name} 'x' is not a number"),
            )
        ],
        ("high", "6889.50", "high 6889.5, low 6889.75 are swapped"),
        ("open", "6891.25", "open 6891.25, high 6891.0, low 6889.75 do not fit"),
        ("close", "6889.50", "close 6889.5, high 6891.0, low 6889.75 do not fit"),
        ("volume", "-1", "volume -1.0 is not a count of contracts"),
        ("volume", "1.5", "volume 1.5 is not a count of contracts"),
        ("volume", "nan", "volume nan is not a count of contracts"),
        ("volume", "1e30", "volume 1e+30 is not a count of contracts"),
        ("volume", "", "volume None is empty"),
    ],
)
def test_numbers_that_cannot_be_used(tmp_path: Path, column: str, value: str, reason: str) -> None:
    later = ("2025-12-12T15:01:00Z", *GOOD[1:])
    bad = tuple(value if name == column else cell for name, cell in zip(NAMES, later, strict=True))
    text = complaint(csv(tmp_path, GOOD, bad))
    assert "row 2" in text
    assert reason in text


def test_null_in_parquet(tmp_path: Path) -> None:
    table = frame().with_columns(pl.Series("timestamp", [AT, None, AT + MINUTE]))
    assert "row 2 (without a time): timestamp None is empty" in complaint(parquet(tmp_path, table))


def test_rows_out_of_order(tmp_path: Path) -> None:
    text = complaint(parquet(tmp_path, frame().reverse()))
    assert "timestamp 2025-12-12 15:01:00+00:00 is before the row above; sort" in text


def test_a_minute_twice(tmp_path: Path) -> None:
    text = complaint(csv(tmp_path, GOOD, GOOD))
    assert "timestamp 2025-12-12 15:00:00+00:00 is there twice; keep one" in text


def test_the_real_files_are_read(tmp_path: Path) -> None:
    path = DATA / "es-1m-2025-12-12.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    found = load_bar_file(path, ES, date=dt.date(2025, 12, 12))
    assert len(found.session) == 1380
    assert found.history == []
    assert sum(bar.volume for bar in found.session) == 1_810_942
    assert (max(b.high for b in found.session) - min(b.low for b in found.session)) == 4 * 110.5
    as_csv = tmp_path / "same.csv"
    pl.read_parquet(path).write_csv(as_csv)
    assert load_bars(as_csv, ES) == found.session


@pytest.mark.slow
def test_a_month_gives_a_day_with_its_warm_up() -> None:
    path = DATA / "es-1m-2025-11.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    found = load_bar_file(path, ES, date=dt.date(2025, 11, 5))
    assert (len(found.history), len(found.session)) == (2760, 1380)
