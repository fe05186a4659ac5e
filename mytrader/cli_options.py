"""Options that several commands share, with their words."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None, typer.Option("--config", help="YAML file; the environment wins over it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Log what is normal too, on standard error.")
]
Bars = Annotated[
    Path | None,
    typer.Option("--bars", help="One-minute bars, Parquet or CSV. Default: a synthetic session."),
]
Day = Annotated[
    str | None,
    typer.Option("--date", help="Trading date within --bars, such as 2025-11-05."),
]
Symbol = Annotated[str, typer.Option("--symbol", help="ES, MES, NQ or MNQ; several: ES,MES.")]
Speed = Annotated[
    str | None, typer.Option("--speed", help="Times real time, or max. Embedded: always max.")
]
FaultsFile = Annotated[
    Path | None,
    typer.Option("--faults", help="What the gateway does wrong: calm, flaky, hostile, or a file."),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Equal seeds make equal simulated runs.")
]
Running = Annotated[
    Path | None,
    typer.Option("--journal", help="The trader's journal. Default: the only one running."),
]
