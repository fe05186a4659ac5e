"""What hangs beside the line is opened as the settings say, and one line says what is missing."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from mytrader.errors import BadInput
from mytrader.rag.cache import CachedMemory
from mytrader.rag.seeds import FOUNDING_LOSS
from mytrader.service_settings import RagSettings
from mytrader.services import memory_path, open_knowledge_base, open_memory
from mytrader.settings import Settings
from tests.manual_runtime import ManualRuntime


def test_the_memory_lies_beside_its_journal_unless_told_otherwise(tmp_path: Path) -> None:
    journal = tmp_path / "run-0001.journal"
    assert memory_path(Settings(), journal) == tmp_path / "run-0001.journal.memory"
    elsewhere = Settings(rag=RagSettings(path=tmp_path / "shared.memory"))
    assert memory_path(elsewhere, journal) == tmp_path / "shared.memory"


def test_the_memory_is_embedded_behind_its_cache_and_seeded(tmp_path: Path) -> None:
    rag = RagSettings(cache_ttl=timedelta(seconds=30), documents_max=200)
    journal = tmp_path / "a.journal"
    opened = open_memory(Settings(rag=rag), journal, runtime=ManualRuntime(), environ={})
    assert isinstance(opened, CachedMemory)
    opened.close()
    base = open_knowledge_base(Settings(rag=rag), journal)
    assert list(base.documents()) == [FOUNDING_LOSS]
    base.close()


def test_a_missing_package_is_one_line_that_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "mytrader.rag.opensearch", raising=False)
    monkeypatch.setitem(sys.modules, "opensearchpy", None)
    settings = Settings(rag=RagSettings(opensearch_enabled=True))
    with pytest.raises(BadInput, match=r"mytrader\[opensearch\]") as told:
        open_memory(settings, tmp_path / "a", runtime=ManualRuntime(), environ={})
    assert "\n" not in str(told.value)
"""What hangs beside the line is made if it is asked for, and missed in one line."""

import sys
from datetime import timedelta
from decimal import Decimal

import pytest

from mytrader.domain.decision import AdvisorCall
from mytrader.errors import BadInput
from mytrader.service_settings import AwsAgentsSettings
from mytrader.services import open_bedrock
from tests.bedrock_samples import settings
from tests.manual_runtime import START, ManualRuntime

ASKED = settings("http://127.0.0.1:9")


def nobody(cycle_id: str, call: AdvisorCall) -> None:
    """Hear nothing."""
    raise AssertionError((cycle_id, call))


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
    with pytest.raises(BadInput, match=r"boto3 is not installed: install mytrader\[aws\]"):
        open_bedrock(ASKED, ManualRuntime(), nobody)
