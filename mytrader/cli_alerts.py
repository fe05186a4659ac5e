"""The command line of alerts: `mytrader alerts test` and `mytrader alerts preview`."""

from pathlib import Path
from typing import Annotated

import typer

from mytrader.cli_options import Config, Json

alerts_app = typer.Typer(help="Alerts to a telephone, by Telegram.", no_args_is_help=True)


@alerts_app.command("test")
def alerts_test(config: Config = None, as_json: Json = False) -> None:
    """Send a test message, and say how long it took or what to mend."""
    from mytrader import alert_commands

    alert_commands.test(config, as_json=as_json)


@alerts_app.command("preview")
def alerts_preview(
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Default: the newest record in runs/.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show the messages that a recorded session sends; nothing leaves the machine."""
    from mytrader import alert_commands

    alert_commands.preview(journal, config, as_json=as_json)
