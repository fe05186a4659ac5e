"""What holds at a start: without a person only less risk, with one never beyond the ends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.limits import Limits
from mytrader.domain.regime import REGIMES
from mytrader.errors import InvariantBroken
from mytrader.learning.ledger import Damaged
from mytrader.learning.overlay import Effective, Overlay, adjusted, overlay
from mytrader.learning.parameters import (
    BOUNDS,
    CLOSINGS,
    Members,
    Parameter,
    current_values,
    is_safer,
    number,
    stepped,
)
from mytrader.learning.proposals import LIFETIME_MAX, Proposal
from mytrader.learning.standing import Standing, Standings, Status, folded
from mytrader.settings import SessionSettings, Settings, TradingSettings, to_limits
from tests.learning_samples import NOW, a_closing, a_proposal

LATER = NOW + timedelta(days=1)
TIGHTER = a_proposal()
LOOSER = a_proposal(safer=False)


def standings(*proposals: Proposal, status: Status = Status.PROPOSED) -> Standings:
    made = [Standing(one, status, one.made_at, "ann") for one in proposals]
    return Standings({one.proposal_id: one for one in made}, "L", len(made) + 1)


def held(
    found: Standings | Damaged,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    *,
    now: datetime = LATER,
    without_person: bool = True,
) -> Overlay:
    return overlay(current_values(settings), found, now=now, without_person=without_person)


def trading(**values: object) -> Settings:
    return Settings(trading=TradingSettings.model_validate(values))


def daily_trades(found: Overlay) -> int:
    return int(number(found.values[Parameter.DAILY_TRADES].value))


def test_an_empty_ledger_leaves_the_settings_as_they_are() -> None:
    found = held(Standings())
    assert found.values == {p: Effective(v) for p, v in current_values(Settings()).items()}
    assert (found.notes, found.no_entries) == ((), "")
    settings = Settings()
    assert adjusted(settings, found) is settings


def test_less_risk_holds_without_a_person_until_it_expires() -> None:
    found = held(standings(TIGHTER))
    source = f"learning: proposal {TIGHTER.proposal_id}, until 2025-11-28 22:00 UTC"
    assert found.values[Parameter.DAILY_TRADES] == Effective(Decimal(15), source)
    assert "until 2025-11-28 22:00 UTC" in found.notes[0]
    settings = adjusted(Settings(), found)
    assert to_limits(settings).daily_trades_max == 15
    assert settings.source("trading.max_daily_trades") == source
    over = held(standings(TIGHTER), now=TIGHTER.expires_at)
    assert daily_trades(over) == 20
    (note,) = over.notes
    assert note.startswith(f"proposal {TIGHTER.proposal_id}, trading.max_daily_trades 15 entries")
    assert note.endswith(": expired on 2025-11-28 22:00 UTC")


def test_less_risk_waits_too_where_the_settings_say_so() -> None:
    assert daily_trades(held(standings(TIGHTER), without_person=False)) == 20
    approved = standings(TIGHTER, status=Status.APPROVED)
    assert daily_trades(held(approved, without_person=False)) == 15


def test_more_risk_waits_for_a_person() -> None:
    assert held(standings(LOOSER)) == held(Standings())
    assert daily_trades(held(standings(LOOSER, status=Status.APPROVED))) == 25


@pytest.mark.parametrize("status", [Status.REJECTED, Status.REVOKED, Status.EXPIRED])
@pytest.mark.parametrize("proposal", [TIGHTER, LOOSER])
def test_what_is_over_changes_nothing(status: Status, proposal: Proposal) -> None:
    found = standings(proposal, status=status)
    assert daily_trades(held(found)) == 20
    assert daily_trades(held(found, now=proposal.expires_at)) == 20


def test_a_start_says_what_was_revoked_for_a_while() -> None:
    found = standings(TIGHTER, status=Status.REVOKED)
    assert held(found).notes[0].endswith("revoked by ann")
    assert held(found, now=NOW + timedelta(days=30)).notes == ()
    assert held(standings(TIGHTER), now=NOW + timedelta(days=60)).notes == ()
    assert held(standings(LOOSER, status=Status.REJECTED)).notes == ()


def test_a_setting_that_a_person_made_stricter_stays() -> None:
    found = held(standings(TIGHTER), trading(max_daily_trades=3))
    assert daily_trades(found) == 3
    assert "as strict by itself" in found.notes[0]


def test_an_approval_ends_when_the_person_changes_the_setting() -> None:
    found = held(standings(LOOSER, status=Status.APPROVED), trading(max_daily_trades=10))
    assert daily_trades(found) == 10
    assert "the setting is not 20 entries any more" in found.notes[0]


def test_what_tightens_has_the_last_word() -> None:
    both = {
        **standings(TIGHTER).by_id,
        **standings(LOOSER, status=Status.APPROVED).by_id,
    }
    for order in (list(both), list(reversed(both))):
        found = held(Standings({name: both[name] for name in order}, "L", 4))
        assert daily_trades(found) == 15


def test_a_clock_that_is_behind_loosens_nothing() -> None:
    early = NOW - timedelta(days=1)
    assert daily_trades(held(standings(TIGHTER), now=early)) == 15
    found = held(standings(LOOSER, status=Status.APPROVED), now=early)
    assert daily_trades(found) == 20
    assert "look at the clock" in found.notes[0]


def test_a_damaged_ledger_changes_no_limit_and_allows_no_entry() -> None:
    found = held(Damaged("ledger x: line 2 was changed"))
    assert found.no_entries == "ledger x: line 2 was changed"
    assert found.values == held(Standings()).values
    assert adjusted(Settings(), found) == Settings()


def test_a_lower_daily_loss_takes_the_loss_of_a_trade_with_it() -> None:
    """A trade may not lose more than its day; together they are possible."""
    settings = trading(max_daily_loss=1300, max_loss_per_trade=1250)
    cut = a_proposal(Parameter.DAILY_LOSS, "1300")
    new = adjusted(settings, held(standings(cut), settings))
    assert (new.trading.max_daily_loss, new.trading.max_loss_per_trade) == (Decimal(1040),) * 2
    assert new.source("trading.max_loss_per_trade").startswith("learning: proposal")


def test_more_contracts_are_never_more_than_the_position_may_be() -> None:
    settings = trading(quantity_per_entry=2, max_position_size=2)
    more = a_proposal(Parameter.QUANTITY, "2", safer=False)
    approved = standings(more, status=Status.APPROVED)
    assert adjusted(settings, held(approved, settings)).trading.quantity_per_entry == 2


def test_entries_never_reach_into_the_minutes_in_which_positions_are_closed() -> None:
    settings = Settings()
    later = a_proposal(Parameter.BEFORE_CLOSE, "15", safer=False)
    new = adjusted(settings, held(standings(later, status=Status.APPROVED), settings))
    assert new.session.no_entry_before_close == timedelta(minutes=15)
    earlier = a_proposal(Parameter.BEFORE_CLOSE, "15")
    new = adjusted(settings, held(standings(earlier), settings))
    assert new.session.no_entry_before_close == timedelta(minutes=45)


def test_what_was_given_and_where_from_is_kept() -> None:
    settings = trading(max_drawdown=4000).told({"trading.max_drawdown": "a file"}, (("F", "x"),))
    new = adjusted(settings, held(standings(TIGHTER), settings))
    assert new.trading.max_drawdown == 4000
    assert new.source("trading.max_drawdown") == "a file"
    assert new.ignored_flags == (("F", "x"),)
    assert new.source("trading.max_loss_streak") == "default"
    assert settings.source("trading.max_daily_trades") == "default"


def test_values_that_are_impossible_together_are_our_fault() -> None:
    """Nothing that a ledger holds leads here; who calls with other values is told."""
    values = held(Standings()).values
    wrong = {**values, Parameter.BEFORE_CLOSE: Effective(Decimal(6), "x")}
    settings = Settings(session=SessionSettings.model_validate({"flatten_before_close": "5 min"}))
    assert adjusted(settings, Overlay(wrong)).session.no_entry_before_close == timedelta(minutes=6)
    with pytest.raises((InvariantBroken, ValueError)):
        adjusted(settings, Overlay({**values, Parameter.QUANTITY: Effective(Decimal(-1), "x")}))


# Lists of what is closed


def closed(found: Overlay, parameter: Parameter = Parameter.HOURS) -> Members:
    members = found.values[parameter].value
    assert isinstance(members, tuple)
    return members


NINE = a_closing(Parameter.HOURS, (), ("09",))


def test_what_learning_closes_is_joined_to_what_the_settings_close() -> None:
    """And what the settings close stays, whatever they closed when the proposal was made."""
    settings = trading(no_entry_hours=[3, 15]).told({"trading.no_entry_hours": "c.yaml"}, ())
    ten = a_closing(Parameter.HOURS, ("09",), ("09", "10"))
    found = held(standings(NINE, ten), settings)
    assert closed(found) == ("03", "09", "10", "15")
    new = adjusted(settings, found)
    assert to_limits(new).no_entry_hours == (3, 9, 10, 15)
    source = new.source("trading.no_entry_hours")
    assert source.startswith(f"c.yaml; learning: proposal {NINE.proposal_id}, until 2025-11-28")
    assert f"; learning: proposal {ten.proposal_id}, until" in source
    assert found.notes[0] == (
        f"proposal {NINE.proposal_id}, trading.no_entry_hours closes 09:"
        " until 2025-11-28 22:00 UTC"
    )


def test_what_the_settings_close_already_is_said() -> None:
    found = held(standings(NINE), trading(no_entry_hours=[9]))
    assert closed(found) == ("09",)
    assert "as strict by itself" in found.notes[0]
    assert found.values[Parameter.HOURS].source == ""


@pytest.mark.parametrize(
    ("parameter", "member", "most"),
    [(Parameter.HOURS, "23", 12), (Parameter.REGIMES, "UPTREND HIGH", 4)],
)
def test_learning_never_closes_more_than_half(
    parameter: Parameter, member: str, most: int
) -> None:
    one_more = a_closing(parameter, (), (member,))
    key = parameter.partition(".")[2]
    every = range(24) if parameter is Parameter.HOURS else sorted(REGIMES)
    for count, is_closed in ((most - 1, True), (most, False)):
        found = held(standings(one_more), trading(**{key: list(every[:count])}))
        assert (member in closed(found, parameter)) is is_closed
        assert ("not in force" in found.notes[0]) is not is_closed
    assert f"no more than {most} are closed" in found.notes[0]


def test_an_hour_is_opened_by_a_person_alone_and_while_the_settings_say_the_same() -> None:
    settings = trading(no_entry_hours=[9, 10])
    opens = [
        a_closing(Parameter.HOURS, ("09", "10"), ("10",)),
        a_closing(Parameter.HOURS, ("09", "10"), ("09",)),
    ]
    assert closed(held(standings(*opens), settings)) == ("09", "10")
    approved = standings(*opens, status=Status.APPROVED)
    found = held(approved, settings)
    assert closed(found) == ()
    assert "trading.no_entry_hours opens 09: until" in found.notes[0]
    changed = held(approved, trading(no_entry_hours=[9, 10, 11]))
    assert closed(changed) == ("09", "10", "11")
    assert "the setting is not 09, 10 any more" in changed.notes[0]


def test_a_strategy_is_closed_by_a_person_alone() -> None:
    """A trader runs one: closing it ends its trading."""
    closing = a_closing(Parameter.STRATEGIES, (), ("breakout",))
    assert closing.tightens
    assert closed(held(standings(closing)), Parameter.STRATEGIES) == ()
    approved = held(standings(closing, status=Status.APPROVED))
    assert closed(approved, Parameter.STRATEGIES) == ("breakout",)
    assert to_limits(adjusted(Settings(), approved)).no_entry_strategies == ("breakout",)


def test_a_closing_that_is_over_opens_again() -> None:
    assert closed(held(standings(NINE), now=NINE.expires_at)) == ()
    assert closed(held(standings(NINE, status=Status.REVOKED))) == ()


# No ledger loosens a limit without a person


def a_step(parameter: Parameter, *, safer: bool, days: int, ago: int) -> Proposal | None:
    current = current_values(Settings())[parameter]
    made_at = NOW - timedelta(days=ago)
    if isinstance(current, tuple):
        member = {Parameter.HOURS: "09", Parameter.REGIMES: "RANGE LOW"}.get(parameter, "breakout")
        moves = ((), (member,)) if safer else ((member,), ())
        return a_closing(parameter, *moves, made_at=made_at, days=days)
    if stepped(parameter, current, safer=safer) is None:
        return None
    return a_proposal(parameter, str(current), safer=safer, made_at=made_at, days=days)


proposals = st.lists(
    st.tuples(
        st.builds(
            a_step,
            st.sampled_from(list(Parameter)),
            safer=st.booleans(),
            days=st.integers(1, LIFETIME_MAX.days),
            ago=st.integers(-5, 70),
        ),
        st.sampled_from(Status),
    ),
    max_size=12,
)
possible = st.fixed_dictionaries(
    {},
    optional={
        "max_daily_trades": st.integers(1, 500),
        "max_loss_streak": st.integers(1, 50),
        "trade_cooldown_minutes": st.integers(1, 1440),
        "min_confidence_for_trade": st.integers(1, 100).map(lambda n: n / 100),
        "quantity_per_entry": st.integers(1, 5),
        "max_loss_per_trade": st.integers(1, 2000),
        "no_entry_hours": st.lists(st.integers(0, 23), max_size=24),
        "no_entry_regimes": st.lists(st.sampled_from(sorted(REGIMES)), max_size=9),
    },
)


def ledger_of(made: Sequence[tuple[Proposal | None, Status]], *, approvals: bool) -> Standings:
    entries = {}
    for proposal, status in made:
        if proposal is not None and (approvals or status is not Status.APPROVED):
            entries[proposal.proposal_id] = Standing(proposal, status, NOW, "ann")
    return Standings(entries, "L", len(entries) + 1)


def looser(new: Limits, old: Limits) -> list[str]:
    """Every limit that lets more through than before."""
    more = {
        name: getattr(new, name) > getattr(old, name)
        for name in (
            "daily_trades_max",
            "loss_streak_max",
            "loss_usd_trade_max",
            "loss_usd_daily_max",
            "quantity_per_entry",
        )
    }
    more |= {
        name: getattr(new, name) < getattr(old, name)
        for name in ("confidence_min", "cooldown", "no_entry_before_close")
    }
    more |= {name: not set(getattr(new, name)) >= set(getattr(old, name)) for name in CLOSED}
    return [name for name, is_more in more.items() if is_more]


CLOSED = ("no_entry_hours", "no_entry_strategies", "no_entry_regimes")


TOUCHED = (
    "daily_trades_max",
    "loss_streak_max",
    "loss_usd_trade_max",
    "loss_usd_daily_max",
    "quantity_per_entry",
    "confidence_min",
    "cooldown",
    "no_entry_before_close",
    *CLOSED,
)


@pytest.mark.slow
@hypothesis_settings(max_examples=120)
@given(made=proposals, given_values=possible, days=st.integers(-10, 80))
def test_no_ledger_without_an_approval_loosens_any_limit(
    made: list[tuple[Proposal | None, Status]], given_values: dict[str, object], days: int
) -> None:
    settings = trading(**given_values)
    found = held(ledger_of(made, approvals=False), settings, now=NOW + timedelta(days=days))
    new, old = to_limits(adjusted(settings, found)), to_limits(settings)
    assert looser(new, old) == []
    same = {name: getattr(old, name) for name in TOUCHED}
    assert replace(new, **same) == old, "and nothing else is touched"


@pytest.mark.slow
@hypothesis_settings(max_examples=120)
@given(made=proposals, given_values=possible, days=st.integers(-10, 80))
def test_no_ledger_with_approvals_goes_beyond_the_ends(
    made: list[tuple[Proposal | None, Status]], given_values: dict[str, object], days: int
) -> None:
    settings = trading(**given_values)
    found = held(ledger_of(made, approvals=True), settings, now=NOW + timedelta(days=days))
    values, now_held = current_values(settings), current_values(adjusted(settings, found))
    for parameter, closing in CLOSINGS.items():
        before, after = values[parameter], now_held[parameter]
        assert isinstance(before, tuple)
        assert isinstance(after, tuple)
        assert set(after) <= set(before) or len(after) <= closing.most
    for parameter, bounds in BOUNDS.items():
        if is_safer(parameter, values[parameter], than=now_held[parameter]):
            end = bounds.high if bounds.safer < 0 else bounds.low
            assert not is_safer(parameter, end, than=now_held[parameter])
    new, old = to_limits(adjusted(settings, found)), to_limits(settings)
    assert replace(new, **{name: getattr(old, name) for name in TOUCHED}) == old


def test_the_fold_of_an_empty_ledger_is_what_a_start_without_one_sees() -> None:
    assert held(folded([])) == held(Standings())
