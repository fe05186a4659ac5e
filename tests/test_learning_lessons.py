"""Lessons follow from the tables, have ids made of their content, and are silent on chance."""

from msgspec.structs import replace

from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.learning.lessons import Fact, Lesson, lessons
from mytrader.learning.outcomes import UNKNOWN, Outcome
from mytrader.learning.tables import tables
from tests.learning_samples import a_refusal, a_trade, around


def told(*outcomes: Outcome) -> tuple[Lesson, ...]:
    return lessons(tables(outcomes), outcomes)


def losing(count: int, **changes: object) -> list[Outcome]:
    made = [a_trade(n, r) for n, r in enumerate(around(-0.8, count))]
    return [replace(one, **changes) for one in made]


def test_a_group_that_surely_lost_is_to_be_avoided() -> None:
    """Twenty losses at nine in an uptrend, twenty gains elsewhere."""
    gains = [a_trade(100 + n, r) for n, r in enumerate(around(0.8, 20))]
    found = told(*losing(20, regime="UPTREND HIGH", hour=9), *gains)
    avoided = [one for one in found if one.avoid]
    assert [one.line.split(" lost")[0] for one in avoided] == [
        "Trades with regime UPTREND HIGH",
        "Trades with hour (US Central) 09",
        "Trades with strategy, regime, side ema-cross, UPTREND HIGH, BUY",
    ]
    assert avoided[0].regime == Regime(Trend.UPTREND, Volatility.HIGH)
    assert (avoided[2].strategy, avoided[2].side) == ("ema-cross", Side.BUY)
    assert len(avoided[0].evidence) == 20
    assert Fact("trades", "20") in avoided[0].facts
    assert "mean -0.80 R" in avoided[0].line
    assert all("gained" in one.line for one in found[len(avoided) :])


def test_a_lesson_says_what_it_is_about() -> None:
    other = [
        replace(a_trade(100 + n, r), strategy="orb", side=Side.SELL)
        for n, r in enumerate(around(0.8, 20))
    ]
    about = {(one.strategy, one.side) for one in told(*losing(20), *other)}
    assert {("ema-cross", None), ("orb", None), (None, Side.BUY), (None, Side.SELL)} <= about


def test_a_group_that_is_everything_is_told_once() -> None:
    (only,) = told(*losing(20))
    assert only.line.startswith("All trades together lost: 20 trades")
    assert only.avoid


def test_a_few_losses_teach_nothing() -> None:
    assert told(*losing(11)) == ()


def test_what_may_be_chance_teaches_nothing() -> None:
    mixed = [a_trade(n, (1.7, -1.0, -1.0)[n % 3]) for n in range(30)]
    assert told(*mixed) == ()


def test_that_stopped_trades_lost_is_no_lesson() -> None:
    mixed = [a_trade(n, 1.7 if n % 3 == 0 else -1.0) for n in range(60)]
    assert {one.exit_reason for one in mixed} == {"stop", "target"}
    assert told(*mixed) == ()


def test_a_guard_is_told_what_it_kept_away_and_never_as_a_thing_to_avoid() -> None:
    lost = [a_refusal(n, "AWS_WAIT", r=r) for n, r in enumerate(around(-0.8, 20))]
    gained = [a_refusal(50 + n, "COOLDOWN", r=r) for n, r in enumerate(around(0.9, 20))]
    found = told(*lost, *gained)
    lines = [one.line for one in found]
    assert any("AWS_WAIT) kept losses away: 20 trades" in line for line in lines)
    assert any("COOLDOWN) kept gains away: 20 trades" in line for line in lines)
    assert not any(one.avoid for one in found)


def test_a_loss_that_is_the_conventions_own_harshness_is_not_told() -> None:
    """Trades by the same convention were half an R worse than they really were."""
    lost = [a_refusal(n, "AWS_WAIT", r=r) for n, r in enumerate(around(-0.3, 20))]
    would_be = a_refusal(99, r=0.5).would_be
    trades = [replace(a_trade(50 + n, (1.9, 0.1)[n % 2]), would_be=would_be) for n in range(20)]
    assert any("kept losses away" in one.line for one in told(*lost))
    assert not any("kept losses away" in one.line for one in told(*lost, *trades))


def test_a_loss_far_beyond_its_risk_is_a_lesson_of_its_own() -> None:
    gapped = replace(a_trade(1, -2.4), side=Side.SELL)
    (lesson,) = told(gapped)
    assert lesson.line == "A SELL of ema-cross lost more than it risked: -2.40 R, left by stop."
    assert (lesson.avoid, lesson.evidence) == (True, (gapped.cycle_id,))
    assert lesson.regime == Regime(Trend.RANGE, Volatility.LOW)


def test_an_emergency_stop_is_told_and_not_blamed_on_the_trade() -> None:
    (lesson,) = told(replace(a_trade(1, 0.5), emergency_stops=1, regime=UNKNOWN))
    assert "needed an emergency stop" in lesson.line
    assert (lesson.avoid, lesson.regime) == (False, None)


def test_an_id_follows_from_the_content_and_words_are_no_content() -> None:
    lesson = Lesson("Line.", (Fact("trades", "12"),), ("C1",), avoid=True)
    assert lesson.lesson_id == replace(lesson).lesson_id
    assert lesson.lesson_id == replace(lesson, words="Other words.").lesson_id
    assert lesson.lesson_id != replace(lesson, evidence=("C2",)).lesson_id
    assert len(lesson.lesson_id) == 16
