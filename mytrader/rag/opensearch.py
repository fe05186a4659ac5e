"""The same memory in an OpenSearch index; the only file that imports opensearchpy.

Off by default (`rag.opensearch_enabled`). An index finds by k-NN over the same vectors and the
same filters; what it returns is measured again here, so that distances, record and support are
those of the embedded memory. The graph behind k-NN is approximate: more candidates are asked for
than are needed, and one may still be missed.

Every request has a timeout below half of the advisors' (the panel's share for the memory), none is
repeated, and the waiting is done beside the loop. Whatever goes wrong is a `Recall` with its
failure: no connection, a timeout, an error, an answer from some of the shards, nonsense. While
trades wait to be written every recall fails too. Error texts of the other side are never shown.
Beyond `rag.documents_max` trades the oldest go; seeds stay.

The account comes from OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD of the environment.
"""

import logging
import ssl
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Final

import msgspec
import numpy as np
import structlog
from msgspec import Struct
from opensearchpy import OpenSearch, exceptions

from mytrader.domain.decision import Question
from mytrader.domain.memory import Recall, TradeDocument
from mytrader.errors import BadInput, invariant
from mytrader.ports import Runtime
from mytrader.rag.likeness import (
    COORDINATES,
    SPACE_VERSION,
    Incomparable,
    Place,
    place_of,
    place_of_question,
    strategy_step,
)
from mytrader.rag.recollection import recall_of
from mytrader.rag.seeds import SEEDS
from mytrader.rag.vector_index import squared_distances
from mytrader.service_settings import RagSettings

USERNAME: Final = "OPENSEARCH_USERNAME"
PASSWORD: Final = "OPENSEARCH_PASSWORD"  # noqa: S105 - the name of a variable
TIMEOUT_SHARE: Final = 0.45
"""Below the half of the advisors' timeout that the panel gives the memory."""
CANDIDATES_EACH: Final = 5
"""Candidates for each neighbour: the index knows neither our strategies nor its own errors."""
SEARCHES_MAX: Final = 2
BULK_DOCUMENTS: Final = 500
BULK_TIMEOUT_S: Final = 30.0
"""Nothing waits for a bulk request but the next recall, and that one says so."""
WAITING_MAX: Final = 100_000

_MAPPING: Final[dict[str, Any]] = {
    "settings": {"index": {"knn": True}},
    "mappings": {
        "dynamic": False,
        "properties": {
            "vector": {
                "type": "knn_vector",
                "dimension": len(COORDINATES),
                "method": {"name": "hnsw", "engine": "lucene", "space_type": "l2"},
            },
            "market": {"type": "keyword"},
            "side": {"type": "keyword"},
            "strategy": {"type": "keyword"},
            "trend": {"type": "keyword"},
            "volatility": {"type": "keyword"},
            "closed_at": {"type": "date"},
            "document": {"type": "object", "enabled": False},
        },
    },
}


class _Unusable(Exception):
    """The index did not do what it was asked; the message is ours and safe to show."""


class _Source(Struct):
    document: TradeDocument


class _Hit(Struct):
    source: _Source = msgspec.field(name="_source")


class _Hits(Struct):
    hits: list[_Hit]


class _Shards(Struct):
    failed: int


class _Found(Struct):
    """What a search must say to count as an answer."""

    timed_out: bool
    shards: _Shards = msgspec.field(name="_shards")
    hits: _Hits


class _Bulk(Struct):
    errors: bool


class _Counted(Struct):
    count: int


class _Name(Struct):
    id: str = msgspec.field(name="_id")


class _Names(Struct):
    hits: list[_Name]


class _Oldest(Struct):
    hits: _Names


class OpenSearchMemory:
    """Past trades in an index; `ports.Memory`. Nothing is sent before the first use.

    `advice_timeout` is the advisors'. `environ` holds the account. Raises `BadInput` where half
    an account is given or the certificates cannot be read.
    """

    def __init__(
        self,
        settings: RagSettings,
        runtime: Runtime,
        *,
        advice_timeout: timedelta,
        environ: Mapping[str, str],
    ) -> None:
        invariant(settings.opensearch_enabled, "an index is used only where it is switched on")
        self._timeout_s = min(
            settings.opensearch_timeout.total_seconds(),
            advice_timeout.total_seconds() * TIMEOUT_SHARE,
        )
        self._runtime = runtime
        self._neighbours = settings.neighbours
        self._documents_max = settings.documents_max
        # Vectors of another rule are another index: distances between the two mean nothing.
        self._index = f"{settings.opensearch_index}-v{SPACE_VERSION}"
        self._client = _client(settings, environ, timeout_s=self._timeout_s)
        self._searches = BoundedSemaphore(SEARCHES_MAX)
        self._waiting: dict[str, tuple[TradeDocument, Place]] = {}
        self._writing = self._made = self._overflowed = False
        self._log = structlog.get_logger("mytrader.rag")
        self.refused = 0
        self._queue(SEEDS)

    async def recall(self, question: Question, now: datetime) -> Recall:
        """Return what is remembered of the proposal's like, or why that cannot be said."""
        del now
        try:
            place = place_of_question(question)
        except Incomparable as why:
            return Recall(failure=f"the proposal cannot be compared: {why}")
        if self._overflowed:
            return Recall(failure="the index lacks trades: start again once it can be reached")
        if self._waiting:
            self._write_soon()
            return Recall(failure="the index lacks a trade that could not be written yet")
        try:
            found = await self._runtime.off_loop(lambda: self._search(place))
        except _Unusable as why:
            return Recall(failure=f"the index cannot be used: {why}")
        return recall_of(_measured(found, place), count=self._neighbours)

    def remember(self, document: TradeDocument) -> None:
        """Keep a finished trade; one with the same id is replaced. Raises nothing."""
        self.remember_all([document])

    def remember_all(self, documents: Iterable[TradeDocument]) -> None:
        """Keep many trades in one go, each as `remember` does."""
        self._queue(documents)
        self._write_soon()

    async def flush(self) -> None:
        """Write what waits; what cannot be written goes on waiting. Raises nothing."""
        self._writing = True
        try:
            while self._waiting:
                batch = dict(list(self._waiting.items())[:BULK_DOCUMENTS])
                await self._runtime.off_loop(lambda batch=batch: self._bulk(batch.values()))  # type: ignore[misc]  # the default binds this round's batch
                for name, sent in batch.items():
                    # A newer version may have come while this one was under way.
                    if self._waiting.get(name) is sent:
                        del self._waiting[name]
        except _Unusable as why:
            text = f"{len(self._waiting)} documents wait, the journal has them: {why}"
            self._log.warning("MEMORY_NOT_WRITTEN", at=self._runtime.now(), text=text)
        else:
            await self._bound()
        finally:
            self._writing = False

    async def _bound(self) -> None:
        try:
            await self._runtime.off_loop(self._let_go)
        except _Unusable as why:
            text = f"the oldest trades beyond {self._documents_max} stay for now: {why}"
            self._log.warning("MEMORY_NOT_BOUNDED", at=self._runtime.now(), text=text)

    def close(self) -> None:
        """Let go of the connections; what waits is in the journal."""
        self._client.close()

    # Inside

    def _queue(self, documents: Iterable[TradeDocument]) -> None:
        for document in documents:
            try:
                place = place_of(document)
            except Incomparable as why:
                self.refused += 1
                self._log.warning(
                    "MEMORY_REFUSED",
                    at=document.closed_at,
                    text=f"the trade is not remembered: it cannot be compared with others: {why}",
                    cycle_id=document.document_id,
                )
                continue
            if len(self._waiting) < WAITING_MAX:
                self._waiting[document.document_id] = (document, place)
            else:
                self._overflowed = True

    def _write_soon(self) -> None:
        if self._waiting and not self._writing:
            self._writing = True
            self._runtime.spawn(self.flush(), "writing to the memory's index")

    def _search(self, place: Place) -> list[TradeDocument]:
        """Ask the index, in a thread of its own. Raises `_Unusable`."""
        # A server that lets its words drip outlives every timeout of a socket.
        if not self._searches.acquire(blocking=False):
            raise _Unusable("earlier searches have not come back")
        try:
            count = self._neighbours * CANDIDATES_EACH
            answer = _asked(
                lambda: self._client.search(
                    index=self._index, body=_query(place, count, timeout_s=self._timeout_s)
                )
            )
            found = _convert(answer, _Found)
        finally:
            self._searches.release()
        if found.timed_out or found.shards.failed:
            raise _Unusable("only a part of it answered")
        return [hit.source.document for hit in found.hits.hits]

    def _bulk(self, batch: Iterable[tuple[TradeDocument, Place]]) -> None:
        """Write documents under their ids, in a thread of its own. Raises `_Unusable`."""
        if not self._made:
            self._make_index()
        self._carry_out([line for document, place in batch for line in _lines(document, place)])

    def _let_go(self) -> None:
        """Delete the oldest trades beyond the most, in a thread of its own. Raises `_Unusable`."""
        counted = _asked(
            lambda: self._client.count(index=self._index, request_timeout=BULK_TIMEOUT_S)
        )
        excess = _convert(counted, _Counted).count - len(SEEDS) - self._documents_max
        for count in _shares(excess, BULK_DOCUMENTS):
            body = _oldest(count)
            found = _asked(
                lambda body=body: self._client.search(
                    index=self._index, body=body, request_timeout=BULK_TIMEOUT_S
                )
            )
            oldest = _convert(found, _Oldest).hits.hits
            self._carry_out([{"delete": {"_id": each.id}} for each in oldest])

    def _carry_out(self, lines: list[dict[str, Any]]) -> None:
        answer = _asked(
            lambda: self._client.bulk(
                body=lines, index=self._index, refresh=True, request_timeout=BULK_TIMEOUT_S
            )
        )
        if _convert(answer, _Bulk).errors:
            raise _Unusable("it refused a document")

    def _make_index(self) -> None:
        if not _asked(lambda: self._client.indices.exists(index=self._index)):
            _asked(
                lambda: self._client.indices.create(
                    index=self._index,
                    body=_MAPPING,
                    ignore=400,  # somebody else made it meanwhile
                    request_timeout=BULK_TIMEOUT_S,
                )
            )
        self._made = True


def _client(settings: RagSettings, environ: Mapping[str, str], *, timeout_s: float) -> OpenSearch:
    account = environ.get(USERNAME), environ.get(PASSWORD)
    if any(account) and not all(account):
        raise BadInput(f"rag.opensearch_enabled: give both {USERNAME} and {PASSWORD}, or neither")
    # Its own log repeats addresses and bodies, with a traceback for each timeout.
    for name in ("opensearch", "opensearchpy.trace"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return OpenSearch(
        hosts=[settings.opensearch_url],
        http_auth=account if all(account) else None,
        timeout=timeout_s,
        max_retries=0,
        retry_on_timeout=False,
        ssl_show_warn=False,
        **_trust(settings.opensearch_ca),
    )


def _trust(ca: Path | None) -> dict[str, Any]:
    if ca is None:
        return {}
    try:
        return {"ssl_context": ssl.create_default_context(cafile=ca)}
    except OSError as error:
        why = error.strerror or "it holds no certificates"
        raise BadInput(
            f"rag.opensearch_ca: {ca}: {why}: name a file of certificates to trust"
        ) from None


def _asked(request: Any) -> Any:  # noqa: ANN401 - the client's own answers are of any kind
    """Make a request and return its answer; whatever the client raises is `_Unusable`."""
    try:
        return request()
    except exceptions.ConnectionTimeout:
        raise _Unusable("timeout") from None
    except exceptions.ConnectionError:
        raise _Unusable("no usable connection") from None
    except exceptions.TransportError as error:
        raise _Unusable(f"it answered with status {error.status_code}") from None
    except (exceptions.OpenSearchException, ValueError, TypeError, LookupError):
        raise _Unusable("its answer cannot be read") from None


def _convert(answer: object, kind: Any) -> Any:  # noqa: ANN401 - the caller names the type
    try:
        return msgspec.convert(answer, kind)
    except (msgspec.MsgspecError, RecursionError):
        raise _Unusable("its answer cannot be read") from None


def _query(place: Place, count: int, *, timeout_s: float) -> dict[str, Any]:
    wanted = [{"term": {"market": place.market}}, {"term": {"side": str(place.side)}}]
    near = {"vector": list(place.vector), "k": count, "filter": {"bool": {"filter": wanted}}}
    return {
        "size": count,
        "timeout": f"{max(int(timeout_s * 1000), 1)}ms",
        "query": {"knn": {"vector": near}},
        "_source": ["document"],
    }


def _oldest(count: int) -> dict[str, Any]:
    seeds = {"ids": {"values": [seed.document_id for seed in SEEDS]}}
    return {
        "size": count,
        "query": {"bool": {"must_not": [seeds]}},
        "sort": [{"closed_at": "asc"}],
        "_source": False,
    }


def _shares(count: int, most: int) -> Iterator[int]:
    """Yield `count` in parts of at most `most`; nothing for less than one."""
    for begin in range(0, count, most):
        yield min(most, count - begin)


def _lines(document: TradeDocument, place: Place) -> Iterator[dict[str, Any]]:
    yield {"index": {"_id": document.document_id}}
    regime = document.regime
    yield {
        "vector": list(place.vector),
        "market": place.market,
        "side": str(place.side),
        "strategy": place.strategy,
        "trend": None if regime is None else str(regime.trend),
        "volatility": None if regime is None else str(regime.volatility),
        "closed_at": document.closed_at.isoformat(),
        "document": msgspec.to_builtins(document),
    }


def _measured(found: list[TradeDocument], place: Place) -> list[tuple[float, TradeDocument]]:
    """Return documents with their squared distances, as the embedded memory measures them."""
    placed = []
    for document in found:
        try:
            placed.append((place_of(document), document))
        except Incomparable:
            continue  # no writer of ours put it there
    if not placed:
        return []
    point = np.array(place.vector, dtype=np.float32)
    points = np.array([there.vector for there, _ in placed], dtype=np.float32).T
    squares = squared_distances(points, point).tolist()
    return [
        (square + strategy_step(place.strategy, there.strategy), document)
        for square, (there, document) in zip(squares, placed, strict=True)
        if (there.market, there.side) == (place.market, place.side)
    ]
