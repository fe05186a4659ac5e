"""An index outside: silent unless switched on, and every trouble of it is a failure, soon."""

import asyncio
import logging
import socket
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from mytrader.domain.memory import Recall
from mytrader.errors import BadInput, InvariantBroken
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.rag.opensearch import PASSWORD, SEARCHES_MAX, USERNAME, OpenSearchMemory
from mytrader.rag.seeds import FOUNDING_LOSS
from mytrader.service_settings import RagSettings
from mytrader.services import open_memory
from mytrader.settings import Settings
from tests.fakes.opensearch_server import SearchServer, Trouble, search_server
from tests.manual_runtime import START, ManualRuntime
from tests.memory_samples import OPENED, a_document, a_question, everything_told, question_like

WAIT = timedelta(seconds=2)
SOON = timedelta(milliseconds=100)
DOCUMENTS_MAX_LEAST = 100
"""The least that a memory may be bounded by."""


class Working(ManualRuntime):
    """Does what is started when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Coroutine[Any, Any, None]] = []

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Keep the work."""
        del name
        self.started.append(work)

    async def work(self) -> None:
        """Do it."""
        while self.started:
            await self.started.pop(0)


@pytest.fixture
def server() -> Iterator[SearchServer]:
    with search_server() as running:
        yield running


def settings(url: str, **more: Any) -> RagSettings:  # noqa: ANN401 - any setting
    return RagSettings(
        opensearch_enabled=True, opensearch_url=url, opensearch_index="test", **more
    )


def memory(
    url: str, *, advice_timeout: timedelta = WAIT, environ: dict[str, str] | None = None
) -> OpenSearchMemory:
    return OpenSearchMemory(
        settings(url), ManualRuntime(), advice_timeout=advice_timeout, environ=environ or {}
    )


def filled(server: SearchServer, **more: Any) -> OpenSearchMemory:  # noqa: ANN401 - any argument
    """An index that works, with one trade and the seed."""
    made = memory(server.url, **more)
    made.remember(a_document())
    asyncio.run(made.flush())
    assert set(server.documents) == {a_document().document_id, FOUNDING_LOSS.document_id}
    return made


def ask(made: OpenSearchMemory) -> Recall:
    return asyncio.run(made.recall(a_question(), START))


def test_off_is_off_and_nothing_connects(server: SearchServer, tmp_path: Path) -> None:
    """The default: an address alone, even one that listens, is never spoken to."""
    off = Settings(rag=RagSettings(opensearch_url=server.url))
    opened = open_memory(off, tmp_path / "a.journal", runtime=ManualRuntime(), environ={})
    opened.remember(a_document())
    assert asyncio.run(opened.recall(a_question(), START)).trades == 1
    opened.close()
    assert server.connections == 0
    with pytest.raises(InvariantBroken):
        OpenSearchMemory(off.rag, ManualRuntime(), advice_timeout=WAIT, environ={})


def test_switched_on_it_takes_the_place_of_the_file(server: SearchServer, tmp_path: Path) -> None:
    on = Settings(rag=settings(server.url))

    runtime = Working()
    opened = open_memory(on, tmp_path / "a.journal", runtime=runtime, environ={})
    opened.remember(a_document())
    asyncio.run(runtime.work())
    assert asyncio.run(opened.recall(a_question(), START)).trades == 1
    opened.close()
    assert len(server.documents) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_beyond_the_most_the_oldest_go_and_seeds_stay(
    server: SearchServer, *, at_once: bool
) -> None:
    most = DOCUMENTS_MAX_LEAST
    bounded = settings(server.url, documents_max=most)
    made = OpenSearchMemory(bounded, ManualRuntime(), advice_timeout=WAIT, environ={})
    trades = [
        a_document(number, closed_at=OPENED + timedelta(minutes=number))
        for number in range(most + 7, 0, -1)
    ]
    for batch in [trades] if at_once else [trades[:most], trades[most:]]:
        made.remember_all(batch)
        asyncio.run(made.flush())
    youngest = {each.document_id for each in trades[:most]}
    assert set(server.documents) == youngest | {FOUNDING_LOSS.document_id}
    assert ask(made).failure is None


def test_what_is_not_let_go_of_is_told_and_recalled_all_the_same(server: SearchServer) -> None:
    most = DOCUMENTS_MAX_LEAST
    server.trouble = Trouble.COUNTS_NOTHING
    bounded = settings(server.url, documents_max=most)
    made = OpenSearchMemory(bounded, ManualRuntime(), advice_timeout=WAIT, environ={})
    made.remember_all(a_document(number) for number in range(1, most + 9))
    with everything_told() as told:
        asyncio.run(made.flush())
    assert [(each["event"], each["log_level"]) for each in told] == [
        ("MEMORY_NOT_BOUNDED", "warning")
    ]
    assert len(server.documents) == most + 9
    assert ask(made).failure is None


def test_making_one_connects_to_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        memory(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(TimeoutError):
            listening.accept()


def test_the_index_is_made_for_the_vectors(server: SearchServer) -> None:
    filled(server)
    ((name, made),) = server.indices.items()
    assert name == "test-v1"
    assert made["settings"] == {"index": {"knn": True}}
    assert made["mappings"]["properties"]["vector"]["dimension"] == 9
    assert made["mappings"]["properties"]["side"] == {"type": "keyword"}


def test_an_index_that_is_there_is_used_and_writing_again_adds_nothing(
    server: SearchServer,
) -> None:
    filled(server)
    filled(server)
    assert len(server.documents) == 2


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (Trouble.HANG, "timeout"),
        (Trouble.HANG_UP, "no usable connection"),
        (Trouble.ERROR, "it answered with status 500"),
        (Trouble.THROTTLE, "it answered with status 429"),
        (Trouble.GARBAGE, "no usable connection"),
        (Trouble.NOT_JSON, "its answer cannot be read"),
        (Trouble.OTHER_SHAPE, "its answer cannot be read"),
        (Trouble.BAD_DOCUMENT, "its answer cannot be read"),
        (Trouble.PART_OF_SHARDS, "only a part of it answered"),
        (Trouble.TIMED_OUT, "only a part of it answered"),
    ],
)
def test_every_trouble_is_a_failure_and_over_soon(
    server: SearchServer, trouble: Trouble, why: str
) -> None:
    """None is retried, and none looks like a memory that has nothing to say."""
    made = filled(server, advice_timeout=SOON)
    server.trouble = trouble
    began = monotonic()
    assert ask(made) == Recall(failure=f"the index cannot be used: {why}")
    assert monotonic() - began < 0.2
    server.trouble = Trouble.NONE
    assert ask(made).trades == 1


def test_nobody_there_is_a_failure(server: SearchServer) -> None:
    made = filled(server)
    server.server_close()
    server.shutdown()
    made.close()
    failure = ask(made).failure
    assert failure is not None
    assert failure.startswith("the index cannot be used")


def test_an_index_that_is_missing_is_no_empty_memory(server: SearchServer) -> None:
    made = filled(server)
    server.indices.clear()
    assert ask(made).failure == "the index cannot be used: it answered with status 404"


@pytest.mark.parametrize("trouble", [Trouble.ERROR, Trouble.REFUSES_DOCUMENTS, Trouble.NOT_JSON])
def test_while_a_trade_waits_to_be_written_every_recall_fails(
    server: SearchServer, trouble: Trouble
) -> None:
    made = filled(server)
    server.trouble = trouble
    made.remember(a_document(2))
    asyncio.run(made.flush())
    server.trouble = Trouble.NONE
    assert ask(made).failure == "the index lacks a trade that could not be written yet"
    asyncio.run(made.flush())
    assert ask(made).trades == 2


def test_what_waits_is_written_when_the_next_question_comes(server: SearchServer) -> None:
    runtime = Working()
    made = OpenSearchMemory(settings(server.url), runtime, advice_timeout=WAIT, environ={})
    for _ in range(3):
        assert ask(made).failure == "the index lacks a trade that could not be written yet"
    assert len(runtime.started) == 1
    asyncio.run(runtime.work())
    assert ask(made) == Recall()


def test_the_timeout_stays_below_half_of_the_advisors() -> None:
    url = "http://127.0.0.1:9"
    assert memory(url, advice_timeout=WAIT)._timeout_s == 0.8
    assert memory(url, advice_timeout=timedelta(seconds=1))._timeout_s == 0.45


def test_searches_that_never_end_do_not_pile_up(server: SearchServer) -> None:
    """A server may let its words drip: a socket's timeout does not see it, so they are counted."""
    made = filled(server)
    for _ in range(SEARCHES_MAX):
        assert made._searches.acquire(blocking=False)
    before = len(server.requests)
    assert ask(made).failure == "the index cannot be used: earlier searches have not come back"
    assert len(server.requests) == before
    made._searches.release()
    assert ask(made).trades == 1
    assert ask(made).trades == 1


def test_the_account_comes_from_the_environment_and_is_never_shown(
    server: SearchServer, caplog: pytest.LogCaptureFixture
) -> None:
    account = {USERNAME: "someone", PASSWORD: "hunter2-hunter2"}
    made = filled(server, environ=account)
    assert server.authorizations == {"Basic c29tZW9uZTpodW50ZXIyLWh1bnRlcjI="}
    server.trouble = Trouble.ERROR
    with caplog.at_level(logging.DEBUG):
        told = f"{ask(made)} {made!r} {caplog.text}"
    assert "hunter2" not in told
    assert "c29tZW9uZT" not in told
    assert "secret 12345" not in told


def test_half_an_account_is_refused() -> None:
    with pytest.raises(BadInput, match="give both OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD"):
        memory("http://127.0.0.1:9", environ={USERNAME: "someone"})


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    asked = settings("https://127.0.0.1:9", opensearch_ca=path)
    with pytest.raises(BadInput, match=r"rag\.opensearch_ca"):
        OpenSearchMemory(asked, ManualRuntime(), advice_timeout=WAIT, environ={})


def test_too_many_waiting_trades_are_told(server: SearchServer) -> None:
    made = memory(server.url)
    made._overflowed = True
    assert ask(made).failure == "the index lacks trades: start again once it can be reached"


def test_the_index_answers_as_the_file_does(server: SearchServer) -> None:
    made, file = filled(server), KnowledgeBase(None)
    file.remember(a_document())
    question = question_like(FOUNDING_LOSS)
    assert asyncio.run(made.recall(question, START)) == file.recall_now(question)
    file.close()
