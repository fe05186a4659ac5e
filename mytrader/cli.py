"""The command line: options, usage errors and exit statuses; `commands` does the work.

Errors are one line that says what is wrong, where, and what to do. Exit statuses: 0 done, 2 bad
input or an unusable gateway, 3 halted or accounts that disagree, 130 interrupted.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from mytrader import __version__
from mytrader.cli_advice import advice_app
from mytrader.cli_alerts import alerts_app
from mytrader.cli_learning import app as learn_app
from mytrader.cli_memory import memory_app
from mytrader.cli_options import (
    Bars,
    Config,
    Day,
    FaultsFile,
    Json,
    Running,
    Seed,
    Speed,
    Symbol,
    Verbose,
)
from mytrader.cli_trace import trace
from mytrader.errors import MytraderError, TheirFault
from mytrader.outputs import spell_out
from mytrader.plain_text import one_line

EXIT_BAD_INPUT: Final = 2
EXIT_HALTED: Final = 3
EXIT_INTERRUPTED: Final = 130

# Typer brings its own copy of Click or uses the installed one; this is the root of its errors.
_ClickError: type[typer.BadParameter] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="mytrader",
    help="An intraday trader for index futures whose machinery never costs money by accident.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Settings: file, environment, command line.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(advice_app, name="advice")
app.add_typer(alerts_app, name="alerts")
app.add_typer(learn_app, name="learn")
app.add_typer(memory_app, name="memory")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the one place where a fault becomes a line and an exit status.

    `arguments` are the process's own unless given. Always ends in `SystemExit`.
    """
    given = None if arguments is None else list(arguments)
    spell_out(sys.stdout, sys.stderr)
    try:
        status = app(given, prog_name="mytrader", standalone_mode=False)
    except _ClickError as error:
        status = _tell_usage(error)
    except TheirFault as fault:
        for problem in fault.args:
            # A broker's words and what was typed may be in it.
            sys.stderr.write(f"{one_line(str(problem))}\n")
        status = EXIT_BAD_INPUT
    except MytraderError as fault:
        why = one_line(str(fault))
        sys.stderr.write(f"halted: {why}; what rests at the broker was left there\n")
        status = EXIT_HALTED
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("interrupted; what was recorded is in the journal\n")
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered has nowhere to go.
        sys.stdout = None
        status = EXIT_BAD_INPUT
    sys.exit(status if isinstance(status, int) else 0)


def _tell_usage(error: typer.BadParameter) -> int:
    """Write a usage error as one line; a bare command shows its help."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return EXIT_BAD_INPUT  # the help was shown while the error was made
    where = "mytrader" if context is None else context.command_path
    told = one_line(error.format_message())
    sys.stderr.write(f"{told.rstrip('.')}; see `{where} --help`\n")
    return EXIT_BAD_INPUT


@app.command()
def run(
    gateway: Annotated[
        str, typer.Option("--gateway", help="sim (embedded, virtual time) or HOST:PORT.")
    ] = "sim",
    symbol: Symbol = "ES",
    bars: Bars = None,
    day: Day = None,
    speed: Speed = None,
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            help="What proposes trades: ema-cross, opening-range, trend-pullback, or your own.",
        ),
    ] = "ema-cross",
    params: Annotated[
        list[str] | None,
        typer.Option("--param", help="k=v for the strategy; may be given several times."),
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Decide everything, send nothing.")
    ] = False,
    config: Config = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Where to record. Embedded: a new file.")
    ] = None,
    seed: Seed = None,
    faults: FaultsFile = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Trade one session and end with a summary."""
    from mytrader import commands

    return commands.run(
        commands.RunOptions(
            gateway=gateway,
            symbol=symbol,
            bars=bars,
            day=day,
            speed=speed,
            strategy=strategy,
            config=config,
            journal=journal,
            seed=seed,
            faults=faults,
            as_json=as_json,
            verbose=verbose,
            params=tuple(params or ()),
            shadow=shadow,
        )
    )


@app.command()
def gateway(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="On the loopback address; 0: any.")
    ] = 4002,
    symbol: Symbol = "ES",
    bars: Bars = None,
    day: Day = None,
    seed: Seed = None,
    speed: Speed = None,
    config: Config = None,
    faults: FaultsFile = None,
    record: Annotated[
        str | None, typer.Option("--record", help="HOST:PORT of a real gateway: keep every byte.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="New file for --record.")] = None,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", help="A recording: where would the simulator differ?"),
    ] = None,
    verbose: Verbose = False,
) -> int:
    """Serve a simulated gateway that any client of the broker's API can connect to."""
    if record is not None or out is not None or compare is not None:
        from mytrader import recordings

        return recordings.run(
            recordings.RecordingOptions(port, record, out, compare, faults, verbose)
        )
    from mytrader import commands

    commands.gateway(
        commands.GatewayOptions(
            port=port,
            symbol=symbol,
            bars=bars,
            day=day,
            seed=seed,
            speed=speed,
            config=config,
            faults=faults,
            verbose=verbose,
        )
    )
    return 0


@app.command()
def cycles(
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Default: the newest record in runs/.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show every cycle of a journal: signal, advice, verdicts, orders, fills, profit."""
    from mytrader import commands

    commands.cycles(journal, as_json=as_json)


app.command()(trace)


@app.command()
def status(journal: Running = None, config: Config = None, as_json: Json = False) -> int:
    """Show how a running trader stands: mode, position, trade, orders, day, alerts."""
    from mytrader import operations

    return operations.status(operations.Target(journal, config, as_json))


@app.command()
def halt(journal: Running = None, config: Config = None, as_json: Json = False) -> int:
    """Let a running trader open nothing more; what protects a position stays."""
    from mytrader import operations

    return operations.halt(operations.Target(journal, config, as_json))


@app.command()
def flatten(
    journal: Running = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, max=3600, help="Seconds to wait for the proof.")
    ] = 60.0,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Let a running trader withdraw entries, close what is open, and open nothing more."""
    from mytrader import operations

    return operations.flatten(operations.Target(journal, config, as_json), wait_s=wait)


@app.command()
def resume(
    journal: Running = None,
    code: Annotated[
        str, typer.Option("--code", help="What `mytrader status` shows: you have read it.")
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Let a running trader that was stopped open positions again."""
    from mytrader import operations

    return operations.resume(operations.Target(journal, config, as_json), code)


@app.command()
def verify(
    profile: Annotated[
        str | None, typer.Option("--profile", help="strict or bracket; default: both.")
    ] = None,
    states: Annotated[
        int | None, typer.Option("--states", min=100, help="How many for each profile.")
    ] = None,
    fault_count: Annotated[
        int, typer.Option("--faults", min=0, max=9, help="What may go wrong on one way, at most.")
    ] = 3,
    quick: Annotated[
        bool, typer.Option("--quick", help="The small setting of every build, under a minute.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Check guards and trade cycle against every interleaving with a hostile broker."""
    from mytrader import proofs

    return proofs.verify(
        proofs.VerifyOptions(profile, states, fault_count, quick=quick, as_json=as_json)
    )


@app.command()
def simulate(
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="A..B, both played; or one seed.")
    ] = None,
    hours: Annotated[
        float, typer.Option("--hours", min=0.25, max=22, help="Length of a day.")
    ] = 1.0,
    whole_days: Annotated[bool, typer.Option("--days", help="Whole sessions instead.")] = False,
    faults: Annotated[
        Path, typer.Option("--faults", help="calm, flaky, hostile, or a file.")
    ] = Path("hostile"),
    profile: Annotated[
        str, typer.Option("--profile", help="strict, bracket, or both.")
    ] = "strict",
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=512, help="Processes to play in.")
    ] = 1,
    ray: Annotated[
        str | None, typer.Option("--ray", help="Address of a Ray cluster, or local.")
    ] = None,
    script: Annotated[
        Path | None, typer.Option("--script", help="Play one day that a failure left.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the days that fail.")] = Path(
        "runs/failures"
    ),
    picture: Annotated[
        Path | None, typer.Option("--picture", help="SVG of the unprotected intervals.")
    ] = None,
    shrink: Annotated[
        int, typer.Option("--shrink", min=0, help="Days to play to make a failure small.")
    ] = 40,
    as_json: Json = False,
) -> int:
    """Play days of the real trader against a misbehaving gateway, and judge every moment."""
    from mytrader import campaigns

    return campaigns.simulate(
        campaigns.SimulateOptions(
            seeds=seeds,
            hours=0.0 if whole_days else hours,
            faults=faults,
            profile=profile,
            workers=workers,
            ray=ray,
            script=script,
            out=out,
            picture=picture,
            shrink=shrink,
            as_json=as_json,
        )
    )


@config_app.command("show")
def config_show(config: Config = None, as_json: Json = False) -> None:
    """Show every setting with its value and where it comes from; secrets are masked."""
    from mytrader import commands

    commands.config_show(config, as_json=as_json)


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"mytrader {__version__}\n")
