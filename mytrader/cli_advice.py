"""`mytrader advice`: what advisors outside say, and a service on this machine to try them on."""

from pathlib import Path
from typing import Annotated

import typer

from mytrader.cli_options import Config, Json

advice_app = typer.Typer(
    help="Advisors outside: ask them, serve a Bedrock on this machine, or trade before one.",
    no_args_is_help=True,
)


@advice_app.command()
def demo(
    *,
    models: Annotated[
        bool, typer.Option("--models", help="Ask models (JSON), not agents (a stream of events).")
    ] = False,
    journal: Annotated[
        Path | None,
        typer.Option("--journal", help="Where to record. Default: runs/run-NNNN.journal."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Trade a session before a Bedrock that answers, waits, fails and lies; needs no account."""
    from mytrader import advice_commands, advice_demo

    kind = advice_demo.Kind.MODEL if models else advice_demo.Kind.AGENT
    return advice_commands.demo(kind, journal, as_json=as_json)


@advice_app.command()
def ask(config: Config = None, as_json: Json = False) -> int:
    """Ask the configured advisors one sample question: opinion, latency, tokens, cost."""
    from mytrader import advice_commands

    return advice_commands.ask(config, as_json=as_json)


@advice_app.command()
def serve(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="On the loopback address; 0: any.")
    ] = 0,
    script: Annotated[
        Path | None,
        typer.Option("--script", help="YAML steps; without it every question is answered GO."),
    ] = None,
    deeds: Annotated[
        bool, typer.Option("--deeds", help="Only list what a step can do, and end.")
    ] = False,
) -> int:
    """Serve the protocols of Bedrock on this machine until interrupted; needs no account."""
    from mytrader import advice_commands

    return advice_commands.deeds() if deeds else advice_commands.serve(port, script)
