"""The command line of learning: `mytrader learn` and what a person decides about proposals."""

from pathlib import Path
from typing import Annotated

import typer

from mytrader.cli_options import Config, Json
from mytrader.errors import BadInput

app = typer.Typer(
    help="What closed cycles say, the lessons, and proposals that wait for a person.",
    invoke_without_command=True,
)

Journals = Annotated[
    list[Path] | None,
    typer.Option("--journal", help="Repeatable; the first one's ledger is used. Default: yours."),
]
ProposalId = Annotated[str, typer.Argument(help="As shown by `learn proposals`.")]
Yes = Annotated[
    str | None, typer.Option("--yes", metavar="CODE", help="The code, where nobody can type it.")
]


@app.callback()
def learn(
    context: typer.Context,
    *,
    journal: Journals = None,
    since: Annotated[
        str | None, typer.Option("--since", help="First day, such as 2025-11-05, US Central.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="SVG of the results by strategy, regime, hour.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look: write nothing down, ask nobody.")
    ] = False,
    no_words: Annotated[
        bool, typer.Option("--no-words", help="Do not ask the learning agent for words.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Study finished cycles: tables, lessons, proposals. Nothing is changed by looking."""
    command = context.invoked_subcommand
    if command is not None:
        if journal or since or report or dry_run or no_words or config or as_json:
            # Silently left out, they would let a decision go to another journal's ledger.
            raise BadInput(f"put the options behind the command: mytrader learn {command} ...")
        return 0
    from mytrader import learning_commands as commands

    return commands.learn(
        commands.LearnOptions(
            tuple(journal or ()),
            config,
            as_json,
            since=since,
            report=report,
            dry_run=dry_run,
            no_words=no_words,
        )
    )


@app.command("proposals")
def proposals(*, journal: Journals = None, config: Config = None, as_json: Json = False) -> int:
    """Show every proposal, its code, and what the next start will hold."""
    from mytrader import learning_commands as commands

    return commands.proposals(commands.LearnOptions(tuple(journal or ()), config, as_json))


@app.command("approve")
def approve(
    proposal: ProposalId,
    *,
    yes: Yes = None,
    journal: Journals = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Let a proposal take effect from the next start on; needs its code."""
    from mytrader import learning_commands as commands

    asked = commands.LearnOptions(tuple(journal or ()), config, as_json)
    return commands.approve(asked, proposal, code=yes)


@app.command("reject")
def reject(
    proposal: ProposalId,
    *,
    journal: Journals = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Refuse a proposal that waits."""
    from mytrader import learning_commands as commands

    asked = commands.LearnOptions(tuple(journal or ()), config, as_json)
    return commands.reject(asked, proposal)


@app.command("revoke")
def revoke(
    proposal: ProposalId,
    *,
    yes: Yes = None,
    journal: Journals = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Take back what is in force; needs its code where a limit gets looser."""
    from mytrader import learning_commands as commands

    asked = commands.LearnOptions(tuple(journal or ()), config, as_json)
    return commands.revoke(asked, proposal, code=yes)


@app.command("discard")
def discard(
    *, yes: Yes = None, journal: Journals = None, config: Config = None, as_json: Json = False
) -> int:
    """Put a damaged ledger aside; nothing that it had in force holds any more."""
    from mytrader import learning_commands as commands

    asked = commands.LearnOptions(tuple(journal or ()), config, as_json)
    return commands.discard(asked, code=yes)
