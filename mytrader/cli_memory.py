"""The command line of the memory: options only; `memory_commands` does the work."""

from pathlib import Path
from typing import Annotated

import typer

from mytrader.cli_options import Config, Json

memory_app = typer.Typer(
    help="Past trades: found by likeness, counted, made again from the journal.",
    no_args_is_help=True,
)

Journal = Annotated[
    Path | None,
    typer.Option(
        "--journal", help="The journal whose memory it is. Default: the newest in runs/."
    ),
]


@memory_app.command()
def search(
    *,
    journal: Journal = None,
    config: Config = None,
    cycle: Annotated[
        str | None,
        typer.Option("--cycle", help="What is like this trade or proposal? Nearest first."),
    ] = None,
    side: Annotated[str | None, typer.Option("--side", help="BUY or SELL.")] = None,
    symbol: Annotated[str | None, typer.Option("--symbol", help="Such as ES or MES.")] = None,
    strategy: Annotated[str | None, typer.Option("--strategy", help="Name of a strategy.")] = None,
    regime: Annotated[
        str | None,
        typer.Option("--regime", help="Trend, volatility, or both: RANGE, HIGH, UPTREND/LOW."),
    ] = None,
    avoid: Annotated[
        bool, typer.Option("--avoid", help="Only trades that argue against their repetition.")
    ] = False,
    count: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many at most.")] = 10,
    as_json: Json = False,
) -> None:
    """Show remembered trades: the newest, or those like one trade."""
    from mytrader import memory_commands

    memory_commands.search(
        memory_commands.Place(journal, config),
        memory_commands.SearchOptions(
            cycle=cycle,
            side=side,
            symbol=symbol,
            strategy=strategy,
            regime=regime,
            avoid=avoid,
            count=count,
            as_json=as_json,
        ),
    )


@memory_app.command()
def stats(journal: Journal = None, config: Config = None, as_json: Json = False) -> None:
    """Show what the memory holds, by strategy and side."""
    from mytrader import memory_commands

    memory_commands.stats(memory_commands.Place(journal, config), as_json=as_json)


@memory_app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Made where it is not there.")],
    journal: Journal = None,
    config: Config = None,
    *,
    as_json: Json = False,
) -> None:
    """Write every lesson as a text file, for a knowledge base outside: docs/runbooks/aws.md."""
    from mytrader import memory_commands

    memory_commands.export(memory_commands.Place(journal, config), folder, as_json=as_json)


@memory_app.command()
def seed(journal: Journal = None, config: Config = None, as_json: Json = False) -> None:
    """Put the lessons of the past into the memory; doing it again changes nothing."""
    from mytrader import memory_commands

    memory_commands.seed(memory_commands.Place(journal, config), as_json=as_json)


@memory_app.command()
def rebuild(journal: Journal = None, config: Config = None, as_json: Json = False) -> None:
    """Make the memory again from its journal: all of it or, if that fails, nothing."""
    from mytrader import memory_commands

    memory_commands.rebuild(memory_commands.Place(journal, config), as_json=as_json)
