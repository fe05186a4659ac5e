"""The command line of traces; `trace_commands` does the work."""

from pathlib import Path
from typing import Annotated

import typer

from mytrader.cli_options import Json


def trace(
    cycle: Annotated[
        str, typer.Argument(help="Id of a cycle or its trace, or as much of it as is unique.")
    ],
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Default: the newest record in runs/.")
    ] = None,
    *,
    as_json: Json = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", help="Write a picture to this file.")
    ] = None,
) -> None:
    """Draw what one trade took: signal, advice, guards, orders, cover, exit."""
    from mytrader import trace_commands

    trace_commands.trace(cycle, journal, as_json=as_json, svg=svg)
