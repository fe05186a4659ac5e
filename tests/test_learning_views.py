"""What people and programs are shown of a study."""

import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from rich.console import Console

from mytrader.learning import views
from mytrader.learning.agent import Study
from mytrader.learning.founding import FOUNDING_LESSON
from mytrader.learning.overlay import Effective, Overlay
from mytrader.learning.parameters import Parameter
from mytrader.learning.standing import Standing, Standings, Status
from mytrader.learning.tables import tables
from tests.learning_samples import NOW, a_proposal, a_refusal, a_trade, around

TIGHTER, LOOSER = a_proposal(), a_proposal(safer=False)


def a_study() -> Study:
    trades = [replace(a_trade(n, r), hour=9 + n % 2) for n, r in enumerate(around(-0.8, 30))]
    measured = [replace(one, would_be=a_refusal(n).would_be) for n, one in enumerate(trades)]
    refusals = [a_refusal(40 + n, "AWS_WAIT") for n in range(3)]
    outcomes = (*measured, *refusals, *refusals[:1])
    lesson = replace(FOUNDING_LESSON, words="Nothing [bold] is taken for a colour.")
    return Study(NOW, outcomes, tables(outcomes), (lesson,), ())


def printed(study: Study, *, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    views.print_study(study, console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def standing(proposal: object = TIGHTER, status: Status = Status.PROPOSED) -> Standing:
    assert isinstance(proposal, type(TIGHTER))
    return Standing(proposal, status, NOW, "ann")


@pytest.mark.parametrize("width", [80, 120])
def test_a_study_fits_its_console(width: int) -> None:
    out = printed(a_study(), width=width)
    assert max(len(line) for line in out.splitlines()) <= width
    assert "30 trades, 4 refused, 0 aborted" in out
    assert "Trades by hour (US Central)" in out
    assert "+1 overlap" in out
    assert "avoid  An exit opened a position" in out
    assert "[bold]" in out
    assert "convention gives 0 of 30" in " ".join(out.split())
    assert ("median R" in out) == (width == 120)


def test_tables_of_one_row_are_not_shown() -> None:
    assert "Trades by symbol" not in printed(a_study(), width=100)


def test_a_study_of_nothing_says_so() -> None:
    out = printed(Study(NOW, (), tables(()), (), ()), width=100)
    assert "No finished cycle in this time." in out


def test_the_object_of_a_study_is_json_and_says_what_is_unknown() -> None:
    shown = json.loads(json.dumps(views.study_view(a_study())))
    assert shown["total"]["mean_r"] == -0.8
    assert shown["total"]["mean_r_interval"][1] < 0
    assert shown["trades"][0]["rows"][0]["win_share"] == 0.0
    assert shown["refusals"][0]["rows"][0]["slippage_usd"] is None
    assert shown["lessons"][0]["facts"]["entry"].startswith("6890.50")
    empty = views.study_view(Study(NOW, (), tables(()), (), ()))
    assert (empty["first_at"], empty["total"]["win_share"]) == (None, None)


@pytest.mark.parametrize(
    ("one", "days", "without_person", "words"),
    [
        (standing(), 0, True, "from the next start on"),
        (standing(), 0, False, "waits for approval"),
        (standing(LOOSER), 0, True, "waits for approval"),
        (standing(LOOSER, Status.APPROVED), 0, True, "approved by ann"),
        (standing(LOOSER, Status.APPROVED), 14, True, "expired"),
        (standing(status=Status.EXPIRED), 0, True, "expired"),
        (standing(status=Status.REJECTED), 99, True, "rejected by ann"),
        (standing(status=Status.REVOKED), 0, True, "revoked by ann"),
    ],
)
def test_a_proposal_is_where_it_stands(
    one: Standing, days: int, *, without_person: bool, words: str
) -> None:
    now = NOW + timedelta(days=days)
    assert views.state(one, now, without_person=without_person) == words


def test_a_code_is_shown_only_while_it_is_of_use() -> None:
    both = {one.proposal_id: one for one in (standing(), standing(LOOSER, Status.REJECTED))}
    console = Console(file=io.StringIO(), width=120)
    views.print_standings(Standings(both, "L", 3), console, now=NOW)
    file = console.file
    assert isinstance(file, io.StringIO)
    out = file.getvalue()
    assert TIGHTER.code in out
    assert LOOSER.code not in out
    assert "rejected by ann" in out
    assert out.count("because of the figures") == 1


def test_an_overlay_says_what_holds_or_why_nothing_may_be_opened() -> None:
    values = {Parameter.DAILY_TRADES: Effective(Decimal(15), "learning: proposal X")}
    shown = views.overlay_view(Overlay(values, ("a note",)))
    assert shown["values"]["trading.max_daily_trades"]["source"] == "learning: proposal X"
    for found, words in (
        (Overlay(values, ("a note",)), "a note"),
        (Overlay({}, (), "why"), "why"),
    ):
        console = Console(file=io.StringIO(), width=120)
        views.print_overlay(found, console)
        file = console.file
        assert isinstance(file, io.StringIO)
        assert words in file.getvalue()


def test_a_proposal_is_found_by_the_beginning_of_its_id() -> None:
    made = standing()
    both = Standings({made.proposal_id: made}, "L", 2)
    assert list(views.find(both, made.proposal_id[:3].lower())) == [made]
    assert list(views.find(both, "!")) == []
    assert list(views.find(both, "")) == []
