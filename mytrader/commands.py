"""What the commands do: what was typed becomes a plan, a plan a run, a run a summary."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from mytrader import logs, runs
from mytrader.beside import STARTED_WITHOUT
from mytrader.bootstrap import Outcome, Plan, is_flat
from mytrader.config import load_settings, show
from mytrader.daily_study import DailyStudy
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.session import EXCHANGE_ZONE, trading_date
from mytrader.domain.trader import Mode
from mytrader.errors import BadInput
from mytrader.journal.reader import JournalReader
from mytrader.learning.desk import at_start, open_ledger
from mytrader.learning.overlay import Overlay
from mytrader.outputs import print_json
from mytrader.plain_text import dollars, one_line
from mytrader.progress import RunProgress
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.replay.cycle_view import view_in
from mytrader.replay.summary import Summary, print_cycles, print_summary, summary_view
from mytrader.run_folder import free_journal, make_folder, newest_journal
from mytrader.runtime import SystemRuntime
from mytrader.served_gateway import serve_gateway
from mytrader.settings import Settings
from mytrader.signals.strategy import create_strategy, params_from_text, strategy_names
from mytrader.simulator.bar_files import BarFile, load_bar_file
from mytrader.simulator.fault_files import load_faults
from mytrader.simulator.faults import Faults
from mytrader.simulator.synthetic import synthetic_sessions

EMBEDDED: Final = "sim"
SYNTHETIC_SESSIONS: Final = (date(2025, 12, 10), date(2025, 12, 11))
"""The session that is traded without `--bars`, after one that warms the indicators up."""

TCP_SPEED_MAX: Final = 60.0
"""`--speed max` over TCP. Deadlines are simulated seconds, commits to the disk are real ones.

Between a fill and its stop's confirmation stand five durable records. On two busy cores they took
20 ms: at 120 times real time that is 2.4 s, beyond the two seconds that a fill may be uncovered;
at 60 it is 1.2 s.
"""

EXIT_HALTED: Final = 3
EXIT_INTERRUPTED: Final = 130


class RunOptions(Struct, frozen=True):
    """What was asked of `mytrader run`, as it was typed."""

    gateway: str
    symbol: str
    bars: Path | None
    day: str | None
    speed: str | None
    strategy: str
    config: Path | None
    journal: Path | None
    seed: int | None
    faults: Path | None
    as_json: bool
    verbose: bool
    params: tuple[str, ...] = ()
    shadow: bool = False


class GatewayOptions(Struct, frozen=True):
    """What was asked of `mytrader gateway`, as it was typed."""

    port: int
    symbol: str
    bars: Path | None
    day: str | None
    seed: int | None
    speed: str | None
    config: Path | None
    faults: Path | None
    verbose: bool


# Run


def run(asked: RunOptions) -> int:
    """Trade one session, show a summary and return the exit status; raises `MytraderError`."""
    settings = load_settings(asked.config, overrides={"simulator.seed": asked.seed})
    symbols = _symbols(asked.symbol)
    params = params_from_text(asked.params)
    _check_strategy(asked.strategy, symbols, params=params, settings=settings)
    embedded = asked.gateway == EMBEDDED
    host, port = ("127.0.0.1", settings.ib.port) if embedded else _endpoint(asked.gateway)
    journal = _record(settings, asked)
    # The one wall clock of the command; what it measured is told to people only.
    watch = SystemRuntime(lambda *_: None)
    # A simulated world has learned nothing; what was learned holds where it was learned.
    held, learned = (settings, None) if embedded else _learned(settings, journal, watch)
    plan = Plan(
        settings=held,
        symbols=symbols,
        strategy=asked.strategy,
        journal=journal,
        seed=settings.simulator.seed,
        host=host,
        port=port,
        params=params,
        shadow=asked.shadow,
        no_entries="" if learned is None else learned.no_entries,
    )
    with _logging(settings, verbose=asked.verbose, record=journal) as without:
        plan = replace(plan, without=without)
        _tell_learned(learned)
        began = watch.now()
        plan, outcome = _embedded(asked, plan) if embedded else _connected(asked, plan)
    summary = _summary(outcome, plan, wall=watch.now() - began)
    if asked.as_json:
        print_json(summary_view(summary))
    else:
        print_summary(summary, Console())
    return _status(summary)


def _embedded(asked: RunOptions, plan: Plan) -> tuple[Plan, Outcome]:
    if asked.speed not in (None, "max"):
        raise BadInput(
            f"--speed {asked.speed}: the embedded gateway runs under virtual time, always at "
            "max; for a slower one start `mytrader gateway --speed N` and use --gateway HOST:PORT"
        )
    day = _simulated_day(asked, plan.settings)
    plan = replace(plan, journal=_new_journal(plan.settings, asked.journal))
    with RunProgress(len(day.bars.session) * len(day.symbols), quiet=asked.as_json) as progress:
        return plan, runs.run_embedded(plan, day, observers=[progress])


def _connected(asked: RunOptions, plan: Plan) -> tuple[Plan, Outcome]:
    for name, value in (("--bars", asked.bars), ("--date", asked.day), ("--faults", asked.faults)):
        if value is not None:
            raise BadInput(f"{name} is for the embedded gateway; give it to `mytrader gateway`")
    speed = None if asked.speed is None else _speed(asked.speed)
    if asked.journal is None:
        make_folder(plan.journal.parent)
    with RunProgress(None, quiet=asked.as_json) as progress:
        study = DailyStudy(plan.journal, asked.config)
        looks = [study] if plan.settings.learning.enabled else []
        return plan, runs.run_connected(plan, speed=speed, observers=[progress, *looks])


def _learned(
    settings: Settings, journal: Path, runtime: SystemRuntime
) -> tuple[Settings, Overlay]:
    """Return the settings with what was learned over them, and what is to be told of it."""
    ledger = open_ledger(settings, journal, new_id=runtime.new_cycle_id)
    return at_start(settings, ledger, now=runtime.now())


def _tell_learned(found: Overlay | None) -> None:
    log = structlog.get_logger("mytrader.learning")
    for note in () if found is None else found.notes:
        log.warning("LEARNED", text=note)


def _summary(outcome: Outcome, plan: Plan, *, wall: timedelta) -> Summary:
    return Summary(
        book=outcome.book,
        mode=outcome.mode,
        mode_why=outcome.mode_why,
        position_open=outcome.position_open,
        started_at=outcome.started_at,
        ended_at=outcome.ended_at,
        cash_change_usd=outcome.cash_change_usd,
        started_flat=outcome.started_flat,
        interrupted=outcome.interrupted,
        journal=str(plan.journal),
        head_hash=outcome.head_hash,
        wall=wall,
    )


def _status(summary: Summary) -> int:
    if summary.account_agrees is False or summary.mode == Mode.HALT:
        return EXIT_HALTED
    return EXIT_INTERRUPTED if summary.interrupted else 0


# The other commands


def gateway(asked: GatewayOptions) -> None:
    """Serve a simulated gateway until its day is over or somebody interrupts."""
    settings = load_settings(asked.config, overrides={"simulator.seed": asked.seed})
    _set_up_logging(settings, verbose=asked.verbose)
    times = 1.0 if asked.speed is None else _speed(asked.speed)
    day = _simulated_day(asked, settings)

    def ready(listening: int) -> None:
        bars = day.bars.session
        first, last = (bar.opened_at.astimezone(EXCHANGE_ZONE) for bar in (bars[0], bars[-1]))
        sys.stdout.write(
            f"gateway on 127.0.0.1:{listening}: {len(bars)} bars of {','.join(day.symbols)}, "
            f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} CT, {times:g} times real time; "
            "the market starts with the first subscription\n"
        )
        sys.stdout.flush()

    end = serve_gateway(day, port=asked.port, speed=times, on_ready=ready)
    sys.stdout.write(f"gateway closed: {end}\n")


def cycles(journal: Path | None, *, as_json: bool) -> None:
    """Show every cycle of a journal, which may be growing meanwhile."""
    path = newest_journal() if journal is None else journal
    book = CycleBook()
    with JournalReader(path) as reader:
        fold(reader.read(), book)
    everything = [*book.ended.values(), *book.open.values()]
    if as_json:
        print_json([view_in(book, cycle) for cycle in everything])
        return
    console = Console()
    print_cycles(book, console)
    many = "cycle" if len(everything) == 1 else "cycles"
    words = f"{len(everything)} {many} in {path}, net {dollars(book.net_usd)}"
    console.print("mytrader trace CYCLE draws one; --json has everything of each", style="dim")
    console.print(Text(one_line(words)), soft_wrap=True)


def config_show(config: Path | None, *, as_json: bool) -> None:
    """Show every setting with its value and where it comes from; secrets are masked."""
    shown = show(load_settings(config))
    if as_json:
        print_json(shown)
        return
    console = Console(highlight=False)
    for section, values in shown.items():
        console.print(f"[bold]{section}:[/]")
        for name, entry in values.items():
            text = Text(f"  {name}: {one_line(str(entry['value']))}  ")
            text.append(f"# {entry['source']}", "dim")
            console.print(text, soft_wrap=True)


# From what was typed to what is meant


def _symbols(text: str) -> tuple[str, ...]:
    """Return the symbols of a list such as `ES,MES`, each once."""
    symbols = tuple(dict.fromkeys(part for part in text.replace(",", " ").split()))
    unknown = [symbol for symbol in symbols if symbol not in INSTRUMENTS]
    if unknown or not symbols:
        named = unknown[0] if unknown else text
        raise BadInput(f"--symbol {named}: choose one or several of {', '.join(INSTRUMENTS)}")
    return symbols


def _check_strategy(
    strategy: str, symbols: Sequence[str], *, params: Mapping[str, str], settings: Settings
) -> None:
    """Make it once, so that what it refuses is said before anything is connected.

    A closed strategy that is not there closes nothing, though somebody believes that it does. An
    own strategy may sign its signals with another name than it is installed under.
    """
    known = strategy_names()
    if strategy not in known:
        raise BadInput(f"--strategy {strategy}: choose one of {', '.join(known)}")
    for symbol in symbols:
        known.append(create_strategy(strategy, INSTRUMENTS[symbol], params=params).name)
    unknown = [name for name in settings.trading.no_entry_strategies if name not in known]
    if unknown:
        name, there = "trading.no_entry_strategies", ", ".join(dict.fromkeys(known))
        raise BadInput(
            f"{settings.source(name)}: {name}: {', '.join(unknown)} is not installed, so nothing"
            f" would be closed: there are {there}"
        )


def _record(settings: Settings, asked: RunOptions) -> Path:
    """Where to record: what a shadow decides is no part of the trader's own record."""
    if asked.journal is not None:
        return asked.journal
    path = settings.journal.path
    return path.with_name(f"{path.stem}-shadow{path.suffix}") if asked.shadow else path


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


def _simulated_day(asked: RunOptions | GatewayOptions, settings: Settings) -> runs.SimulatedDay:
    return runs.SimulatedDay(
        _related(_symbols(asked.symbol)),
        _market(settings, _symbols(asked.symbol)[0], bars=asked.bars, day=asked.day),
        settings,
        Faults() if asked.faults is None else load_faults(asked.faults),
    )


def _related(symbols: tuple[str, ...]) -> tuple[str, ...]:
    """One market is played for all of them: they have to be futures on one index."""
    if len({INSTRUMENTS[symbol].group for symbol in symbols}) > 1:
        raise BadInput(
            f"--symbol {','.join(symbols)}: a simulated gateway plays one market, so give futures "
            "on one index, such as ES,MES"
        )
    return symbols


def _market(settings: Settings, symbol: str, *, bars: Path | None, day: str | None) -> BarFile:
    if bars is not None:
        return load_bar_file(bars, INSTRUMENTS[symbol], date=_date(day))
    if day is not None:
        raise BadInput("--date selects a session within --bars; without bars it has no meaning")
    first, traded = SYNTHETIC_SESSIONS
    instrument = INSTRUMENTS[symbol]
    made = synthetic_sessions(settings.simulator.seed, instrument, sessions=[first, traded])
    split = next(i for i, bar in enumerate(made) if trading_date(bar.opened_at) == traded)
    return BarFile(history=made[:split], session=made[split:])


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--date {text}: give a date such as 2025-11-05") from None


def _new_journal(settings: Settings, given: Path | None) -> Path:
    """A broker's account has one journal; each embedded run is a world of its own."""
    if given is None and settings.source("journal.path") == "default":
        return free_journal(settings.journal.path.parent)
    path = settings.journal.path if given is None else given
    if given is None:
        make_folder(path.parent)
    if path.exists():
        JournalReader(path).close()
        raise BadInput(
            f"journal {path} already holds a run, and the embedded gateway is a new world every "
            "time: choose another --journal"
        )
    return path


@contextmanager
def _logging(settings: Settings, *, verbose: bool, record: Path) -> Iterator[tuple[str, ...]]:
    """Log meanwhile, into a file too where the settings name one; yields what had to be left out.

    One that cannot be opened raises `BadInput`, unless a trade is open in the record: that waits
    for no file.
    """
    telemetry = settings.telemetry
    options, without = None, tuple[str, ...]()
    if telemetry.enabled and telemetry.log_file is not None:
        options = logs.LogFileOptions(
            telemetry.log_file, telemetry.log_file_max_mb, telemetry.log_files_kept
        )
    try:
        file = _set_up_logging(settings, verbose=verbose, file=options)
    except BadInput as why:
        if not _holds_a_trade(record):
            raise
        file = _set_up_logging(settings, verbose=verbose)
        text = f"{why}: a trade is open, so the trader starts without the log file"
        structlog.get_logger("mytrader").warning(STARTED_WITHOUT, text=text)
        without = (text,)
    try:
        yield without
    finally:
        if file is not None:
            file.close()


def _holds_a_trade(record: Path) -> bool:
    if not record.exists():
        return False
    with JournalReader(record) as reader:
        return not is_flat(fold(reader.read(), CycleBook()))


def _set_up_logging(
    settings: Settings, *, verbose: bool, file: logs.LogFileOptions | None = None
) -> logs.LogFile | None:
    opened = logs.set_up(verbose=verbose, file=file)
    log = structlog.get_logger("mytrader")
    for name, source in settings.ignored_flags:
        log.warning("GUARD_FLAG_IGNORED", flag=name, source=source, text="guards are always on")
    return opened
