"""Opens what hangs beside the line; what reaches outside is imported only when asked for.

It contains no decisions. Packages that only some need are missed in one line.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mytrader.alerts.telegram import Tested, open_alerts, send_test
from mytrader.domain.decision import AdvisorCall
from mytrader.errors import MissingExtra
from mytrader.journal.cycle_histories import Lesson
from mytrader.journal.outlets import Outlets
from mytrader.ports import Runtime
from mytrader.rag.cache import CachedMemory, Store
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.rag.memory_file import SUFFIX
from mytrader.runtime import monotonic_seconds, random_fraction
from mytrader.service_settings import AwsAgentsSettings
from mytrader.settings import Settings

if TYPE_CHECKING:
    from mytrader.advisors.bedrock_seats import Bedrock
    from mytrader.advisors.bedrock_words import BedrockWords

__all__ = [
    "Bedrock",
    "Outlets",
    "Tested",
    "memory_path",
    "open_alerts",
    "open_bedrock",
    "open_knowledge_base",
    "open_memory",
    "open_outlets",
    "open_wordsmith",
    "send_test",
]


def memory_path(settings: Settings, journal: Path) -> Path:
    """Return where the embedded memory of a journal lies."""
    return settings.rag.path or journal.with_name(journal.name + SUFFIX)


def open_knowledge_base(
    settings: Settings, journal: Path, *, patience_s: float = 0.0
) -> KnowledgeBase:
    """Open the embedded memory of a journal; raises `BadInput` where its file cannot be used."""
    rag = settings.rag
    return KnowledgeBase(
        memory_path(settings, journal),
        documents_max=rag.documents_max,
        neighbours=rag.neighbours,
        patience_s=patience_s,
    )


def open_memory(
    settings: Settings, journal: Path, *, runtime: Runtime, environ: Mapping[str, str]
) -> CachedMemory:
    """Open the memory that the settings ask for, behind its cache; raises `BadInput`.

    Off by default, an index outside is neither imported nor spoken to.
    """
    rag = settings.rag
    store: Store
    if rag.opensearch_enabled:
        store = _index(settings, runtime, environ=environ)
    else:
        store = open_knowledge_base(settings, journal)
    return CachedMemory(store, ttl=rag.cache_ttl, entries=rag.cache_entries)


def _index(settings: Settings, runtime: Runtime, *, environ: Mapping[str, str]) -> Store:
    try:
        from mytrader.rag.opensearch import OpenSearchMemory  # noqa: PLC0415 - an optional package
    except ImportError:
        raise MissingExtra("rag.opensearch_enabled", "opensearch-py", extra="opensearch") from None
    return OpenSearchMemory(
        settings.rag, runtime, advice_timeout=settings.aws_agents.timeout, environ=environ
    )


def open_outlets(settings: Settings, *, version: str, lesson: Lesson) -> Outlets:
    """Return telemetry as the settings ask for it, nothing by default.

    `lesson` is what the memory keeps of an ended trade. Raises `BadInput` where a package is
    missing or the port cannot be had.
    """
    return Outlets(settings.telemetry, version=version, elapsed_s=monotonic_seconds, lesson=lesson)


def open_bedrock(
    settings: AwsAgentsSettings,
    runtime: Runtime,
    noted: Callable[[str, AdvisorCall], None],
    *,
    past: Iterable[tuple[datetime, AdvisorCall]] = (),
    chance: Callable[[], float] = random_fraction,
) -> "Bedrock | None":
    """Return the advisors on Bedrock, `None` where they are not enabled.

    `noted` is told cycle and end of every call; `past` are the calls of the journal, which have
    been paid from the day's budget; `chance` spreads the pauses between attempts. Opens nothing
    yet: await `start` of what is returned, and call its `close` before the journal is closed.
    Raises `BadInput` where boto3 is not installed.
    """
    if not settings.enabled:
        return None
    try:
        from mytrader.advisors.bedrock_seats import (  # noqa: PLC0415 - boto3 is an extra, and slow
            Bedrock,
            fresh_budget,
        )
    except ImportError as error:
        raise _without_aws(error) from None
    budget = fresh_budget(settings).restored(past, runtime.now())
    return Bedrock(settings, runtime, noted=noted, chance=chance, budget=budget)


def open_wordsmith(
    settings: AwsAgentsSettings,
    runtime: Runtime,
    noted: Callable[[AdvisorCall], None],
    *,
    past: Iterable[tuple[datetime, AdvisorCall]] = (),
) -> "BedrockWords | None":
    """Return who writes about lessons, `None` unless Bedrock is enabled and one is named.

    `noted` is told the end of every call; `past` are calls that were paid from the day's budget.
    Opens nothing yet; call its `close`. Raises `BadInput` where boto3 is not installed.
    """
    named = settings.learning_agent_id is not None or settings.learning_model_id is not None
    if not (settings.enabled and named):
        return None
    try:
        from mytrader.advisors.bedrock_words import (  # noqa: PLC0415 - boto3 is an extra, and slow
            BedrockWords,
        )
    except ImportError as error:
        raise _without_aws(error) from None
    return BedrockWords(settings, runtime, noted=noted, past=past)


def _without_aws(error: ImportError) -> MissingExtra:
    return MissingExtra("aws_agents.enabled", error.name or "boto3", extra="aws")
