"""What the commands about alerts do: send one as a test, or show those of a recorded session."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from mytrader.alerts.choices import mark_of, secrets_of, wanted_of
from mytrader.alerts.message import Message
from mytrader.alerts.messages import Teller
from mytrader.alerts.wording import without_tags
from mytrader.config import load_settings
from mytrader.domain.commands import AlertLevel
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import step
from mytrader.journal.reader import JournalReader
from mytrader.outputs import print_json
from mytrader.plain_text import one_line
from mytrader.run_folder import newest_journal
from mytrader.services import send_test
from mytrader.settings import Settings

TEST_TEXT: Final = "mytrader: a test of its alerts"
STYLES: Final = {
    AlertLevel.PAGE: "bold red",
    AlertLevel.WARNING: "yellow",
    AlertLevel.INFO: "",
}


def test(config: Path | None, *, as_json: bool) -> None:
    """Send a test message and say how long it took. Raises `BadInput` with what to mend."""
    settings = load_settings(config)
    name = settings.telegram.name
    tested = send_test(settings, TEST_TEXT if name is None else f"{TEST_TEXT} ({name})")
    enabled = settings.telegram.enabled
    if as_json:
        told = {"bot": tested.bot, "took_ms": round(tested.took_ms, 1), "enabled": enabled}
        sys.stdout.write(json.dumps(told) + "\n")
        return
    off = "" if enabled else "; telegram.enabled is false, so a run sends none"
    bot = one_line(tested.bot)
    sys.stdout.write(f"accepted from {bot} after {tested.took_ms:.0f} ms{off}\n")


def preview(journal: Path | None, config: Path | None, *, as_json: bool) -> None:
    """Show what a journal's session sends by the settings of now; sends nothing."""
    settings = load_settings(config)
    path = newest_journal() if journal is None else journal
    with JournalReader(path) as reader:
        told = list(messages_of(reader, settings))
    if as_json:
        shown = [_view(message) for message in told]
        print_json(shown)
        return
    console = Console(highlight=False)
    for message in told:
        text = without_tags(message.html)
        console.print(Text(text, STYLES[message.level]), soft_wrap=True)
        console.print()
    many = "message" if len(told) == 1 else "messages"
    words = one_line(f"{len(told)} {many} in {path}; none was sent")
    console.print(Text(words), soft_wrap=True)


def messages_of(reader: JournalReader, settings: Settings) -> Iterator[Message]:
    """Yield every message of a journal, in order, as its observer would have made it."""
    asked = settings.telegram
    teller = Teller(
        wanted_of(asked),
        name=asked.name or "",
        mark=_mark_in(reader),
        secrets=secrets_of(settings),
    )
    state, at = TraderState(limits=Limits()), None
    for record in reader.read():
        at = record.at
        state, _ = step(state, record.event, at)
        yield from teller.seen(at, record.event, asked=record.commands, state=state)
    if at is not None:
        yield from teller.ended(at)


def _mark_in(reader: JournalReader) -> str:
    """Return the world that a journal's newest process traded in, "" for a journal without one."""
    run = reader.openings[-1][1].run
    if "gateway" not in run:
        return ""
    return mark_of(simulated=run["gateway"] == "simulated", shadow=bool(run.get("shadow")))


def _view(message: Message) -> dict[str, Any]:
    return {
        "at": message.at.isoformat(),
        "level": message.level,
        "kind": message.kind,
        "code": message.code,
        "cycle_id": message.cycle_id,
        "text": without_tags(message.html),
        "html": message.html,
    }
