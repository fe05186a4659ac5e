"""The command line of `scripts/replay_trade_from_logs.py`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from mytrader.errors import TheirFault
from mytrader.plain_text import visible_json
from mytrader.replay.report import as_json, print_explanation
from mytrader.replay.source import read_history
from mytrader.replay.verdict import Decision, Explanation, explain

STATUS_CANNOT_TELL = Decision.CANNOT_TELL.exit_status
WIDTH_MAX = 99
ORDER_ID_DIGITS_MAX = 18


class _Misused(TheirFault):
    """The command line cannot be understood."""


class _OneLineParser(argparse.ArgumentParser):
    """Reports misuse as one line instead of printing the usage as well."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting, so that one place words every failure."""
        raise _Misused(f"{message}; --help shows the options")


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status: 0 refused, 1 allowed, 2 cannot tell.

    Bad input is one line on standard error and exit status 2.
    """
    try:
        options = _parser().parse_args(arguments)
        return replay(
            Path(options.log), options.order_id, symbol=options.symbol, json_wanted=options.json
        )
    except TheirFault as fault:
        sys.stderr.write(f"{_one_line(fault)}\n")
        return STATUS_CANNOT_TELL


def replay(path: Path, order_id: str, *, symbol: str | None, json_wanted: bool) -> int:
    """Explain one order of a record on standard output and return the exit status.

    Raises `BadInput` when the record cannot be read or does not hold the order.
    """
    if not (order_id.isdecimal() and len(order_id) <= ORDER_ID_DIGITS_MAX):
        raise _Misused(f"--order-id takes a whole number such as 14812, not {order_id[:40]!r}")
    explanation = explain(read_history(path, symbol), int(order_id))
    if json_wanted:
        sys.stdout.write(visible_json(as_json(explanation)) + "\n")
    else:
        _print(explanation)
    return explanation.judged.decision.exit_status


def _print(explanation: Explanation) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, WIDTH_MAX) if console.is_terminal else WIDTH_MAX
    with console.capture() as captured:
        print_explanation(explanation, console)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    sys.stdout.write("\n".join([*lines, ""]))


def _one_line(fault: TheirFault) -> str:
    """Return the message without anything that a terminal or a file name could break it with."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(fault))


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="replay_trade_from_logs.py",
        description="Would today's guards have let a recorded order out, and what did it cost?",
        epilog="Exit status: 0 refused, 1 allowed, 2 cannot tell or bad input.",
    )
    parser.add_argument(
        "--log", required=True, metavar="PATH", help="text log or SQLite order history"
    )
    parser.add_argument(
        "--order-id", required=True, metavar="N", help="the broker's id of the entry or the exit"
    )
    parser.add_argument(
        "--symbol", help="contract of a text log that never reports a position, such as ES"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
