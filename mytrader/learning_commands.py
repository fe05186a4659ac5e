"""What `mytrader learn` does: journals become a study, a study proposals, a person decides.

What means more risk than the settings or than what is in force needs the short code that stands
beside its proposal: who types it has read it.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from mytrader.advisors.budget import spent
from mytrader.config import load_settings
from mytrader.control.peer import name_of
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.errors import BadInput
from mytrader.learning import views
from mytrader.learning.agent import Study, record, study
from mytrader.learning.desk import open_ledger, scope_of
from mytrader.learning.ledger import Damaged
from mytrader.learning.overlay import Overlay, overlay
from mytrader.learning.parameters import Members, Parameter, current_values
from mytrader.learning.picture import picture
from mytrader.learning.standing import (
    Agreed,
    AnyDecision,
    Called,
    Rejected,
    Revoked,
    Standing,
    Standings,
    Status,
)
from mytrader.learning.tables import HOUR, REGIME, STRATEGY
from mytrader.learning.words import Wordsmith
from mytrader.outputs import print_json, write_file
from mytrader.plain_text import dollars, one_line
from mytrader.replay.material import material_of
from mytrader.run_folder import named_journal, newest_journal
from mytrader.runtime import SystemRuntime
from mytrader.services import open_wordsmith
from mytrader.settings import Settings

DISCARD_CODE: Final = "DISCARD"
"""What is typed to put a whole ledger aside."""


class LearnOptions(Struct, frozen=True):
    """What was asked of `mytrader learn`, as it was typed."""

    journals: tuple[Path, ...]
    config: Path | None
    as_json: bool
    since: str | None = None
    report: Path | None = None
    dry_run: bool = False
    no_words: bool = False


class _Desk:
    """The settings, the ledger and the time of one command."""

    def __init__(self, asked: LearnOptions) -> None:
        self.settings = load_settings(asked.config)
        named = tuple(named_journal(each) for each in asked.journals)
        self.journals = named or (_usual_journal(self.settings),)
        self.runtime = SystemRuntime(lambda *_: None)
        self.now = self.runtime.now()
        self.ledger = open_ledger(
            self.settings, self.journals[0], new_id=self.runtime.new_cycle_id
        )
        self.without_person = self.settings.learning.tighten_by_itself
        self.paid: list[tuple[datetime, AdvisorCall]] = []
        self.calls: list[AdvisorCall] = []
        self.unrecorded = ""

    def note_call(self, call: AdvisorCall) -> None:
        """Write down a call for words, durably, before the next is made."""
        at = self.runtime.now()
        self.calls.append(call)
        self.paid.append((at, call))
        try:
            self.ledger.append(Called(at, call))
        except BadInput as fault:
            self.unrecorded = str(fault)
            raise

    def standings(self) -> Standings:
        """What has become of every proposal; raises `BadInput` for a damaged ledger."""
        standings = self.ledger.read()
        if isinstance(standings, Damaged):
            raise BadInput(standings.why)
        return standings

    def overlay(self, standings: Standings | Damaged) -> Overlay:
        """What the next start would hold."""
        return overlay(
            current_values(self.settings),
            standings,
            now=self.now,
            without_person=self.without_person,
        )


# Look


def learn(asked: LearnOptions, *, wordsmith: Wordsmith | None = None) -> int:
    """Study, record what is proposed, and show it; return the exit status.

    Words come from `wordsmith`, else from Bedrock where the settings name a learning agent. A
    look that is dry asks nobody there: it spends nothing and sends nothing.
    """
    desk = _Desk(asked)
    if asked.report is not None and asked.report.suffix != ".svg":
        raise BadInput(f"--report {asked.report}: a picture is drawn as .svg: name it so")
    scope = scope_of(desk.settings, since=_since(asked.since))
    before = desk.ledger.read()
    materials = [material_of(journal) for journal in desk.journals]
    wanted = wordsmith is None and not (asked.dry_run or asked.no_words)
    desk.paid += [call for material in materials for call in material.calls]
    desk.paid += before.calls if isinstance(before, Standings) else ()
    with _writer(desk, wordsmith, wanted=wanted, before=before) as writer:
        found = study(materials, before, now=desk.now, scope=scope, wordsmith=writer)
    standings = before if asked.dry_run else record(found, desk.ledger)
    if asked.report is not None:
        title, closed = _title(found, desk.journals), _closed(desk.overlay(standings))
        write_file("--report", asked.report, picture(found.tables, title, closed=closed))
    _show_study(desk, found, standings, asked=asked)
    return 0


@contextmanager
def _writer(
    desk: _Desk, given: Wordsmith | None, *, wanted: bool, before: Standings | Damaged
) -> Iterator[Wordsmith | None]:
    """Yield who writes, if anybody; say afterwards, beside the output, why words are missing."""
    aws = desk.settings.aws_agents
    found = open_wordsmith(aws, desk.runtime, desk.note_call, past=desk.paid) if wanted else None
    if found is None or isinstance(before, Damaged):
        if found is not None:
            sys.stderr.write(f"{found.name} is not asked: its calls could not be written down\n")
        yield given
        return
    try:
        yield found
    finally:
        found.close()
    if found.failures:
        sys.stderr.write(
            f"{found.name} wrote no words for some lessons ({', '.join(found.failures)});"
            " their lines stand\n"
        )
    if desk.unrecorded:
        raise BadInput(f"a call to {found.name} could not be written down: {desk.unrecorded}")


def _show_study(
    desk: _Desk, found: Study, standings: Standings | Damaged, *, asked: LearnOptions
) -> None:
    """Print the study; with `dry_run` what would be proposed is shown as if it were."""
    made = tuple(Standing(one, Status.PROPOSED, desk.now, "learning") for one in found.proposals)
    known = standings if isinstance(standings, Standings) else Standings()
    if asked.dry_run:
        known = Standings({**known.by_id, **{one.proposal_id: one for one in made}})
    held = desk.overlay(standings)
    if asked.as_json:
        shown = {
            **views.study_view(found),
            "proposals": _standing_views(desk, known),
            "new_proposals": [one.proposal_id for one in made],
            "next_start": views.overlay_view(held),
            "words": _cost_view(desk),
            "journals": [str(path) for path in desk.journals],
            "report": None if asked.report is None else str(asked.report),
        }
        print_json(shown)
        return
    console = Console()
    views.print_study(found, console)
    console.print()
    views.print_standings(known, console, now=desk.now, without_person=desk.without_person)
    views.print_overlay(held, console)
    if desk.calls:
        console.print(Text(_cost_line(_cost_view(desk))), soft_wrap=True)
    if asked.report is not None:
        console.print(Text(one_line(f"picture: {asked.report}")), soft_wrap=True)


def _cost_view(desk: _Desk) -> dict[str, Any]:
    """The calls of this look, and what the day has cost with them; `None` is what nobody told.

    Dollars are at worst: a call whose cost nobody told counts at what was set aside for it.
    """
    now, calls = desk.runtime.now(), desk.calls
    today = now.astimezone(UTC).date()
    number, usd = spent([(now, call) for call in calls], today)
    number_today, usd_today = spent(desk.paid, today)
    return {
        "calls": msgspec.to_builtins(calls),
        "count": number,
        "cost_usd": str(usd),
        "cost_told": all(call.cost_usd is not None for call in calls),
        "tokens_in": _summed(call.tokens_in for call in calls),
        "tokens_out": _summed(call.tokens_out for call in calls),
        "latency_ms": round(sum(call.latency_ms for call in calls), 3),
        "today": {"count": number_today, "cost_usd": str(usd_today)},
        "cost_per_day_max_usd": str(desk.settings.aws_agents.cost_per_day_max),
    }


def _summed(numbers: Iterable[int | None]) -> int | None:
    """The sum, `None` where one of them is not known."""
    known = list(numbers)
    return None if None in known else sum(number or 0 for number in known)


def _cost_line(view: dict[str, Any]) -> str:
    tokens = [view["tokens_in"], view["tokens_out"]]
    told = "tokens not told" if None in tokens else "{} tokens in, {} out".format(*tokens)
    cost = view["cost_usd"] if view["cost_told"] else f"{view['cost_usd']} at worst"
    today = view["today"]
    return (
        f"Words: {view['count']} calls, {told}, ${cost}, {view['latency_ms'] / 1000:.1f} s;"
        f" advisors outside today: {today['count']} calls, ${today['cost_usd']}"
        f" of ${view['cost_per_day_max_usd']}"
    )


def proposals(asked: LearnOptions) -> int:
    """Show every proposal with what has become of it; a damaged ledger is said, status 2."""
    desk = _Desk(asked)
    standings = desk.standings()
    held = desk.overlay(standings)
    if asked.as_json:
        shown = {
            "proposals": _standing_views(desk, standings),
            "next_start": views.overlay_view(held),
        }
        print_json(shown)
        return 0
    console = Console()
    views.print_standings(standings, console, now=desk.now, without_person=desk.without_person)
    views.print_overlay(held, console)
    return 0


# Decide


def approve(asked: LearnOptions, proposal_id: str, *, code: str | None) -> int:
    """Let a proposal that waits take effect from the next start on."""
    desk = _Desk(asked)
    standing = _open(desk, proposal_id)
    if standing.status is Status.APPROVED:
        raise BadInput(f"proposal {standing.proposal_id} was approved by {standing.who}")
    _confirm(standing, code, what="approve")
    return _decide(desk, Agreed(desk.now, standing.proposal_id, _who()), asked=asked)


def reject(asked: LearnOptions, proposal_id: str) -> int:
    """Refuse a proposal; it is not made again before it would have expired."""
    desk = _Desk(asked)
    standing = _open(desk, proposal_id)
    if standing.status is Status.APPROVED:
        raise BadInput(f"proposal {standing.proposal_id} was approved: use revoke")
    if standing.proposal.needs_nobody and desk.without_person:
        raise BadInput(f"proposal {standing.proposal_id} is in force already: use revoke")
    return _decide(desk, Rejected(desk.now, standing.proposal_id, _who()), asked=asked)


def revoke(asked: LearnOptions, proposal_id: str, *, code: str | None) -> int:
    """Take back what is in force; where a limit gets looser by that, with its code."""
    desk = _Desk(asked)
    standing = _open(desk, proposal_id)
    if standing.status is Status.PROPOSED and not (
        standing.proposal.needs_nobody and desk.without_person
    ):
        raise BadInput(f"proposal {standing.proposal_id} waits: use reject")
    if standing.proposal.tightens:
        _confirm(standing, code, what="revoke")
    return _decide(desk, Revoked(desk.now, standing.proposal_id, _who()), asked=asked)


def discard(asked: LearnOptions, *, code: str | None) -> int:
    """Put a whole ledger aside, damaged or not; the settings' own values hold from then on."""
    desk = _Desk(asked)
    text = f"everything that {desk.ledger.path} has in force ends at the next start"
    if _typed(code, prompt=f"{text}\ntype {DISCARD_CODE} to put it aside") != DISCARD_CODE:
        raise BadInput(f"not discarded: {text}: type {DISCARD_CODE}, or give --yes {DISCARD_CODE}")
    aside = desk.ledger.put_aside(desk.now)
    if asked.as_json:
        print_json({"put_aside": str(aside), "who": _who()})
    else:
        sys.stdout.write(f"put aside as {aside}; the next start uses the settings alone\n")
    return 0


def _decide(desk: _Desk, entry: AnyDecision, *, asked: LearnOptions) -> int:
    standings = desk.ledger.append(entry)
    standing = standings.by_id[entry.proposal_id]
    if asked.as_json:
        print_json(_standing_view(desk, standing))
        return 0
    words = views.state(standing, desk.now, without_person=desk.without_person)
    sys.stdout.write(
        f"proposal {standing.proposal_id}: {words}; a trader takes it up at its next start\n"
    )
    return 0


def _open(desk: _Desk, proposal_id: str) -> Standing:
    """The one proposal that is meant and can still be decided about."""
    found = list(views.find(desk.standings(), proposal_id))
    if len(found) != 1:
        what = "no proposal" if not found else f"{len(found)} proposals"
        raise BadInput(f"{proposal_id}: {what} of that id: see mytrader learn proposals")
    if not found[0].open_at(desk.now):
        words = views.state(found[0], desk.now)
        raise BadInput(f"proposal {found[0].proposal_id} is over ({words})")
    return found[0]


def _confirm(standing: Standing, code: str | None, *, what: str) -> None:
    """Hold what was typed against the code of this very content."""
    prompt = f"{standing.proposal.reason}\ntype the code of the proposal to {what} it"
    if _typed(code, prompt=prompt) != standing.proposal.code:
        raise BadInput(
            f"not {what}d: that is not the code of proposal {standing.proposal_id}:"
            " mytrader learn proposals shows it; scripts give --yes CODE"
        )


def _typed(code: str | None, *, prompt: str) -> str:
    """What was given, or is typed by a person at a terminal; "" where there is neither."""
    if code is None:
        if not sys.stdin.isatty():
            return ""
        sys.stdout.write(f"{prompt}: ")
        sys.stdout.flush()
        code = sys.stdin.readline()
    return code.strip().upper()


def _who() -> str:
    return name_of(os.geteuid())


# From what was typed to what is meant, and back


def _usual_journal(settings: Settings) -> Path:
    if settings.source("journal.path") != "default" or settings.journal.path.exists():
        return settings.journal.path
    return newest_journal()


def _since(text: str | None) -> datetime | None:
    """The start of a day in US Central."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=EXCHANGE_ZONE).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"--since {text}: give a date such as 2025-11-05") from None


def _title(found: Study, journals: Sequence[Path]) -> str:
    total = found.tables.total
    names = ", ".join(path.name for path in journals[:4])
    return f"{total.trades} trades, net {dollars(total.net_usd)}: {names}"


def _closed(held: Overlay) -> dict[str, Members]:
    """What the next start closes, by the table whose rows it names."""
    by_table = {
        STRATEGY: Parameter.STRATEGIES,
        REGIME: Parameter.REGIMES,
        HOUR: Parameter.HOURS,
    }
    values = {table: held.values[parameter].value for table, parameter in by_table.items()}
    return {table: value for table, value in values.items() if isinstance(value, tuple)}


def _standing_view(desk: _Desk, standing: Standing) -> dict[str, Any]:
    return views.standing_view(standing, desk.now, without_person=desk.without_person)


def _standing_views(desk: _Desk, standings: Standings) -> list[dict[str, Any]]:
    return [_standing_view(desk, one) for one in standings.by_id.values()]
