"""What hangs beside the line is made if it is asked for, and missed in one line."""

import sys
from datetime import timedelta
from decimal import Decimal

import pytest

from mytrader.domain.decision import AdvisorCall
from mytrader.errors import BadInput
from mytrader.service_settings import AwsAgentsSettings
from mytrader.services import open_bedrock, open_wordsmith
from tests.bedrock_samples import settings
from tests.manual_runtime import START, ManualRuntime

ASKED = settings("http://127.0.0.1:9")


def nobody(cycle_id: str, call: AdvisorCall) -> None:
    """Hear nothing."""
    raise AssertionError((cycle_id, call))


def unheard(call: AdvisorCall) -> None:
    """Hear nothing of a writer's."""
    raise AssertionError(call)


def test_nothing_is_made_that_is_not_asked_for() -> None:
    assert open_bedrock(AwsAgentsSettings(), ManualRuntime(), nobody) is None


def test_what_the_journal_says_was_spent_today_is_spent() -> None:
    call = AdvisorCall("x", "model/x", 1, "answered", 1.0, cost_usd=Decimal("1.5"))
    past = [(START - timedelta(days=1), call), (START, call), (START, call)]
    bedrock = open_bedrock(ASKED, ManualRuntime(), nobody, past=past)
    assert bedrock is not None
    budget = bedrock.shared.budget
    assert (budget.day, budget.calls, budget.usd) == (START.date(), 2, Decimal(3))
    assert [seat.name for seat in bedrock.seats] == ["bedrock-decision", "bedrock-risk"]
    bedrock.close()


def test_a_package_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mytrader.advisors.bedrock", "mytrader.advisors.bedrock_seats"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(BadInput, match=r"boto3 is not installed: .*\.\[aws\]"):
        open_bedrock(ASKED, ManualRuntime(), nobody)


def test_nobody_writes_unless_bedrock_is_enabled_and_somebody_named() -> None:
    named = {"learning_model_id": "writer"}
    assert open_wordsmith(ASKED, ManualRuntime(), unheard) is None
    off = settings("http://127.0.0.1:9", enabled=False, **named)
    assert open_wordsmith(off, ManualRuntime(), unheard) is None
    found = open_wordsmith(settings("http://127.0.0.1:9", **named), ManualRuntime(), unheard)
    assert found is not None
    assert found.name == "model/writer"
    found.close()


def test_who_writes_needs_the_package_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mytrader.advisors.bedrock", "mytrader.advisors.bedrock_words"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(BadInput, match=r"boto3 is not installed: .*\.\[aws\]"):
        open_wordsmith(
            settings("http://127.0.0.1:9", learning_model_id="x"), ManualRuntime(), unheard
        )
