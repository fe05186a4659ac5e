"""What holds at a trader's start, and what is looked at."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from mytrader.domain.decision import AdvisorCall
from mytrader.learning.desk import at_start, open_ledger, paid_for_words, scope_of
from mytrader.learning.seal import KEY_NAME
from mytrader.learning.standing import Called, Proposed
from mytrader.service_settings import LearningSettings
from mytrader.settings import Settings, to_limits
from tests.learning_samples import NOW, a_ledger, a_proposal


def learning(**values: object) -> Settings:
    return Settings(learning=LearningSettings.model_validate(values))


def test_a_start_without_a_ledger_holds_the_settings(tmp_path: Path) -> None:
    settings = learning(key_folder=tmp_path / "keys")
    ledger = open_ledger(settings, tmp_path / "x.journal", new_id=str)
    assert at_start(settings, ledger, now=NOW)[0] is settings
    assert list(tmp_path.iterdir()) == []


def test_a_start_holds_what_is_in_force(tmp_path: Path) -> None:
    settings = learning(key_folder=tmp_path / "keys")
    ledger = open_ledger(settings, tmp_path / "x.journal", new_id=lambda: "L")
    ledger.append(Proposed(NOW, a_proposal()))
    assert (tmp_path / "keys" / KEY_NAME).stat().st_mode & 0o777 == 0o600
    held, found = at_start(settings, ledger, now=NOW)
    assert to_limits(held).daily_trades_max == 15
    assert found.notes
    asks = learning(key_folder=tmp_path / "keys", tighten_by_itself=False)
    assert to_limits(at_start(asks, ledger, now=NOW)[0]).daily_trades_max == 20


def test_a_damaged_ledger_is_no_error_and_allows_no_entry(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    ledger.append(Proposed(NOW, a_proposal()))
    ledger.path.unlink()
    settings, found = at_start(Settings(), ledger, now=NOW)
    assert settings == Settings()
    assert "the file is gone" in found.no_entries


def test_the_settings_say_what_is_looked_at() -> None:
    scope = scope_of(learning(lookback_days=7, min_trades=30, proposal_days=3))
    assert scope.lookback == timedelta(days=7)
    assert (scope.terms.trades_min, scope.terms.lifetime) == (30, timedelta(days=3))
    assert scope.flatten_before_close == timedelta(minutes=5)


def test_what_words_cost_today_is_known_and_a_damaged_ledger_leaves_nothing(
    tmp_path: Path,
) -> None:
    settings, journal = learning(key_folder=tmp_path / "keys"), tmp_path / "x.journal"
    assert paid_for_words(settings, journal, now=NOW) == ()
    call = AdvisorCall("x", "model/y", 1, "answered", 800.0, cost_usd=Decimal("0.01"))
    ledger = open_ledger(settings, journal, new_id=lambda: "L")
    ledger.append(Called(NOW, call))
    assert paid_for_words(settings, journal, now=NOW) == ((NOW, call),)
    ledger.path.unlink()
    ((at, unknown),) = paid_for_words(settings, journal, now=NOW)
    assert (at, unknown.cost_usd) == (NOW, None)
    assert unknown.reserved_usd == settings.aws_agents.cost_per_day_max
