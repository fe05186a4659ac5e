"""Where learning meets a trader: what a start has to hold, and what is looked at.

Neither is on the line of an order: a start reads the ledger once, and the look after a day is a
process of its own (`mytrader.daily_study`).
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from mytrader.domain.decision import AdvisorCall
from mytrader.learning.agent import Scope
from mytrader.learning.ledger import Ledger, ledger_path
from mytrader.learning.overlay import Overlay, adjusted, overlay
from mytrader.learning.parameters import current_values
from mytrader.learning.proposals import Terms
from mytrader.learning.seal import Seal
from mytrader.learning.standing import Standings
from mytrader.settings import Settings


def open_ledger(settings: Settings, journal: Path, *, new_id: Callable[[], str]) -> Ledger:
    """Return the ledger beside a journal, sealed in the folder of the settings; writes nothing."""
    seal = Seal(settings.learning.key_folder.expanduser(), draw=secrets.token_bytes)
    return Ledger(ledger_path(journal), seal, new_id=new_id)


def paid_for_words(
    settings: Settings, journal: Path, *, now: datetime
) -> Sequence[tuple[datetime, AdvisorCall]]:
    """Return the calls for words about lessons that the ledger of a journal holds of today.

    They are paid from the budget of all advisors outside. A ledger that cannot be trusted says
    nothing of them, and an unknown is not zero: then all of the day's money counts as spent.
    """
    standings = open_ledger(settings, journal, new_id=str).read()
    if isinstance(standings, Standings):
        return standings.calls
    everything = settings.aws_agents.cost_per_day_max
    call = AdvisorCall("learning", "unknown", 1, "abandoned", 0.0, reserved_usd=everything)
    return ((now, call),)


def scope_of(settings: Settings, *, since: datetime | None = None) -> Scope:
    """Return what is looked at under these settings, which are those without the ledger."""
    learning = settings.learning
    return Scope(
        values=current_values(settings),
        since=since,
        lookback=timedelta(days=learning.lookback_days),
        flatten_before_close=settings.session.flatten_before_close,
        terms=Terms(learning.min_trades, timedelta(days=learning.proposal_days)),
    )


def at_start(settings: Settings, ledger: Ledger, *, now: datetime) -> tuple[Settings, Overlay]:
    """Return the settings that hold from this start on, and what people are to be told of them.

    Never raises for a ledger: one that cannot be trusted changes no setting, and
    `Overlay.no_entries` says why nothing may be opened until a person has seen to it.
    """
    found = overlay(
        current_values(settings),
        ledger.read(),
        now=now,
        without_person=settings.learning.tighten_by_itself,
    )
    return adjusted(settings, found), found
