"""A shadow's decisions never stand in the record of a trader, nor a trader's in a shadow's.

Hazard: a shadow that folds a record with an open trade decides its exit, which ends as never
written; its entries count as the trader's entries of the day, its cooldowns and its losses.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from mytrader.bootstrap import Parts, Plan
from mytrader.errors import BadInput
from mytrader.signals.scripted import Proposal, Scripted, quiet
from tests.sessions import Session, a_plan, play

BEGIN: Final = datetime(2025, 12, 11, 15, tzinfo=UTC)


def trade(plan: Plan) -> None:
    """Trade ten quiet minutes with one proposal."""
    history = quiet(BEGIN - timedelta(minutes=300), 300)
    wishes = [Proposal(BEGIN + timedelta(minutes=1))]
    parts = Parts(strategy=lambda instrument: Scripted(instrument, wishes))
    play(Session(plan, history, quiet(BEGIN, 10), parts))


def refused(plan: Plan, *, before: Plan) -> str:
    """Trade `before`, then be refused `plan` on the same record, which is left alone."""
    trade(before)
    record = before.journal.read_bytes()
    with pytest.raises(BadInput) as told:
        trade(plan)
    assert before.journal.read_bytes() == record, "nothing was written"
    return str(told.value)


@pytest.mark.parametrize(
    ("shadow", "said"),
    [
        (False, "is a trader's record, and a shadow needs its own"),
        (True, "is a shadow's record, its trades never were"),
    ],
)
def test_one_does_not_go_on_with_the_others_record(
    tmp_path: Path, *, shadow: bool, said: str
) -> None:
    first = replace(a_plan(tmp_path), shadow=shadow)
    told = refused(replace(first, shadow=not shadow), before=first)
    assert told == f"journal {first.journal} {said}: choose another --journal"


@pytest.mark.parametrize(
    ("simulated", "said"),
    [
        (False, "is a record of an account"),
        (True, "is a simulated gateway's record"),
    ],
)
def test_a_made_up_market_and_an_account_share_no_record(
    tmp_path: Path, *, simulated: bool, said: str
) -> None:
    """Made-up fills would count as the account's position, and its trades for the day."""
    first = replace(a_plan(tmp_path), simulated=simulated)
    told = refused(replace(first, simulated=not simulated), before=first)
    assert told == f"journal {first.journal} {said}: choose another --journal"
