"""The command line: what a person types becomes a plan; errors are one line and exit status 2."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import typer
from rich.console import Console

from mytrader import __version__, runs
from mytrader.bootstrap import Outcome, Plan
from mytrader.config import load_settings, show
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.errors import BadInput, MytraderError, TheirFault
from mytrader.journal.reader import JournalReader
from mytrader.progress import RunProgress
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.replay.cycle_view import cycle_view
from mytrader.replay.summary import Summary, print_summary, summary_view, trades_table
from mytrader.settings import Settings
from mytrader.signals.strategy import strategy_names
from mytrader.simulator.bar_files import BarFile, load_bar_file
from mytrader.simulator.faults import Faults, load_faults
from mytrader.simulator.synthetic import synthetic_sessions

SYNTHETIC_SESSIONS: Final = (date(2025, 12, 10), date(2025, 12, 11))
"""The session that is traded without `--bars`, after one that warms the indicators up."""

TCP_SPEED_MAX: Final = 120.0
"""`--speed max` over TCP: two seconds of protection deadline are then 17 ms of real time."""

EXIT_BAD_INPUT: Final = 2
EXIT_HALTED: Final = 3
EXIT_INTERRUPTED: Final = 130

app = typer.Typer(
    name="mytrader",
    help="An intraday trader for index futures whose machinery never costs money by accident.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Settings: file, environment, command line.", no_args_is_help=True)
app.add_typer(config_app, name="config")

Config = Annotated[
    Path | None, typer.Option("--config", help="YAML file; the environment wins over it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Bars = Annotated[
    Path | None,
    typer.Option("--bars", help="One-minute bars, Parquet or CSV. Default: a synthetic session."),
]
Day = Annotated[
    str | None,
    typer.Option("--date", help="Trading date within --bars, such as 2025-11-05."),
]
Symbol = Annotated[str, typer.Option("--symbol", help="ES or MES.")]
Speed = Annotated[
    str | None, typer.Option("--speed", help="Times real time, or max. Embedded: always max.")
]
FaultsFile = Annotated[
    Path | None, typer.Option("--faults", help="YAML file of faults the gateway commits.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Equal seeds make equal simulated runs.")
]


def main() -> None:
    """Run the command line; the one place where a fault becomes a line and an exit status."""
    try:
        app()
    except TheirFault as fault:
        for line in str(fault).splitlines():
            sys.stderr.write(f"{line}\n")
        sys.exit(EXIT_BAD_INPUT)
    except MytraderError as fault:
        sys.stderr.write(f"halted: {fault}; what rests at the broker was left there\n")
        sys.exit(EXIT_HALTED)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was recorded is in the journal\n")
        sys.exit(EXIT_INTERRUPTED)


@app.command()
def run(
    gateway: Annotated[
        str, typer.Option("--gateway", help="sim (embedded, virtual time) or HOST:PORT.")
    ] = "sim",
    symbol: Symbol = "ES",
    bars: Bars = None,
    day: Day = None,
    speed: Speed = None,
    strategy: Annotated[str, typer.Option("--strategy")] = "ema-cross",
    config: Config = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Where to record. Embedded: a new file.")
    ] = None,
    seed: Seed = None,
    faults: FaultsFile = None,
    as_json: Json = False,
) -> None:
    """Trade one session and end with a summary."""
    settings = load_settings(config, overrides={"simulator.seed": seed})
    _check_choices(symbol, strategy)
    _set_up_logging(settings, quiet=as_json)
    embedded = gateway == "sim"
    host, port = ("127.0.0.1", settings.ib.port) if embedded else _endpoint(gateway)
    plan = Plan(
        settings=settings,
        symbol=symbol,
        strategy=strategy,
        journal=_journal_path(settings, journal, embedded=embedded),
        seed=settings.simulator.seed,
        host=host,
        port=port,
    )
    if embedded:
        if speed not in (None, "max"):
            raise BadInput(
                f"--speed {speed}: the embedded gateway runs under virtual time, always at max; "
                "for a slower one start `mytrader gateway --speed N` and use --gateway HOST:PORT"
            )
        file = _market(settings, symbol, bars=bars, day=day)
        simulated = runs.SimulatedDay(
            symbol, file, settings, Faults() if faults is None else load_faults(faults)
        )
        with RunProgress(len(file.session), quiet=as_json) as progress:
            outcome = runs.run_embedded(plan, simulated, observers=[progress])
    else:
        _refuse_simulation_options(bars, day, faults)
        with RunProgress(None, quiet=as_json) as progress:
            outcome = runs.run_connected(
                plan, speed=None if speed is None else _speed(speed), observers=[progress]
            )
    _report(outcome, plan, as_json=as_json)


@app.command()
def gateway(
    port: Annotated[int, typer.Option("--port", help="On the loopback address; 0: any.")] = 4002,
    symbol: Symbol = "ES",
    bars: Bars = None,
    day: Day = None,
    seed: Seed = None,
    speed: Speed = None,
    config: Config = None,
    faults: FaultsFile = None,
) -> None:
    """Serve a simulated gateway that any client of the broker's API can connect to."""
    settings = load_settings(config, overrides={"simulator.seed": seed})
    _check_choices(symbol, None)
    file = _market(settings, symbol, bars=bars, day=day)
    times = 1.0 if speed is None else _speed(speed)
    simulated = runs.SimulatedDay(
        symbol, file, settings, Faults() if faults is None else load_faults(faults)
    )

    def ready(listening: int) -> None:
        first, last = file.session[0].opened_at, file.session[-1].opened_at
        sys.stdout.write(
            f"gateway on 127.0.0.1:{listening}: {len(file.session)} bars of {symbol}, "
            f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {times:g} times real time; "
            "the market starts with the first subscription\n"
        )
        sys.stdout.flush()

    runs.serve_gateway(simulated, port=port, speed=times, on_ready=ready)


@app.command()
def cycles(
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Default: the newest record in runs/.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show every cycle of a journal: signal, advice, verdicts, orders, fills, profit."""
    path = _newest_journal() if journal is None else journal
    book = CycleBook()
    with JournalReader(path) as reader:
        fold(reader.read(), book)
    everything = [*book.ended.values(), *book.open.values()]
    if as_json:
        _print_json([cycle_view(cycle) for cycle in everything])
        return
    console = Console()
    if book.closed:
        console.print(trades_table(book.closed))
    for code, count in book.refusals.most_common():
        console.print(f"refused {count} by {code}")
    console.print(f"{len(everything)} cycles in {path}, net ${book.net_usd:.2f}", soft_wrap=True)


@config_app.command("show")
def config_show(config: Config = None, as_json: Json = False) -> None:
    """Show every setting with its value and where it comes from; secrets are masked."""
    shown = show(load_settings(config))
    if as_json:
        _print_json(shown)
        return
    console = Console()
    for section, values in shown.items():
        console.print(f"[bold]{section}:[/]", highlight=False)
        for name, entry in _entries(values):
            console.print(
                f"  {name}: {entry['value']}  [dim]# {entry['source']}[/]", highlight=False
            )


def _entries(values: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return list(values.items())


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"mytrader {__version__}\n")


def _check_choices(symbol: str, strategy: str | None) -> None:
    if symbol not in INSTRUMENTS:
        raise BadInput(f"--symbol {symbol}: choose one of {', '.join(INSTRUMENTS)}")
    if strategy is not None and strategy not in strategy_names():
        raise BadInput(f"--strategy {strategy}: choose one of {', '.join(strategy_names())}")


def _endpoint(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise BadInput(f"--gateway {text}: give sim or HOST:PORT, such as 127.0.0.1:4002")
    return host, int(port)


def _speed(text: str) -> float:
    if text == "max":
        return TCP_SPEED_MAX
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not 0 < float(text) <= 1000:
        raise BadInput(f"--speed {text}: give a number above 0 up to 1000, or max")
    return float(text)


def _refuse_simulation_options(bars: Path | None, day: str | None, faults: Path | None) -> None:
    given = {"--bars": bars, "--date": day, "--faults": faults}
    for name, value in given.items():
        if value is not None:
            raise BadInput(f"{name} is for the embedded gateway; give it to `mytrader gateway`")


def _market(settings: Settings, symbol: str, *, bars: Path | None, day: str | None) -> BarFile:
    if bars is not None:
        return load_bar_file(bars, INSTRUMENTS[symbol], date=_date(day))
    if day is not None:
        raise BadInput("--date selects a session within --bars; without bars it has no meaning")
    first, traded = SYNTHETIC_SESSIONS
    instrument = INSTRUMENTS[symbol]
    made = synthetic_sessions(settings.simulator.seed, instrument, sessions=[first, traded])
    split = next(i for i, bar in enumerate(made) if bar.opened_at.date() == first and i > 0)
    return BarFile(history=made[:split], session=made[split:])


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--date {text}: give a date such as 2025-11-05") from None


def _journal_path(settings: Settings, given: Path | None, *, embedded: bool) -> Path:
    """A broker's account has one journal; each embedded run is a world of its own."""
    if given is not None:
        return given
    configured = settings.source("journal.path") != "default"
    path = settings.journal.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if configured or not embedded:
        return path
    number = 1
    while (free := path.parent / f"run-{number:04d}.journal").exists():
        number += 1
    return free


def _newest_journal() -> Path:
    found = sorted(Path("runs").glob("*.journal"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise BadInput("no journal in runs/: give one with --journal, or trade with mytrader run")
    return found[-1]


def _set_up_logging(settings: Settings, *, quiet: bool) -> None:
    """Structured lines on standard error; the client's own log says nothing that ours does not."""
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    level = logging.ERROR if quiet else logging.WARNING
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    log = structlog.get_logger("mytrader")
    for name, source in settings.ignored_flags:
        log.warning("GUARD_FLAG_IGNORED", flag=name, source=source, why="guards are always on")


def _report(outcome: Outcome, plan: Plan, *, as_json: bool) -> None:
    summary = Summary(
        book=outcome.book,
        mode=outcome.mode,
        mode_why=outcome.mode_why,
        position_open=outcome.position_open,
        started_at=outcome.started_at,
        ended_at=outcome.ended_at,
        cash_change_usd=outcome.cash_change_usd,
        journal=str(plan.journal),
        head_hash=outcome.head_hash,
    )
    if as_json:
        _print_json(summary_view(summary))
    else:
        print_summary(summary, Console())


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
