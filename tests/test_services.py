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
    with pytest.raises(BadInput, match=r"\.\[opensearch\]") as told:
        open_memory(settings, tmp_path / "a", runtime=ManualRuntime(), environ={})
    assert "\n" not in str(told.value)
