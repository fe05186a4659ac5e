"""Strangers' words on their way out: one line stays one line, and nothing in it is alive."""

import io
import json
import logging
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import structlog
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from rich.console import Console

from mytrader import logs
from mytrader.advice_commands import Asked, _print
from mytrader.alerts.messages import Teller
from mytrader.control.status import Said, status_of
from mytrader.control.status_text import print_said, print_status
from mytrader.domain.commands import AlertLevel
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import step
from mytrader.journal.metrics import Metrics
from mytrader.journal.otlp import readable_spans
from mytrader.logs import LogFileOptions
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.replay.summary import Summary, print_summary, summary_view
from mytrader.replay.trace_picture import trace_svg
from mytrader.replay.trace_text import print_trace
from mytrader.replay.traces import read_traces
from mytrader.simulator.telegram_server import shown_text
from tests.command_line import CommandLine, mytrader
from tests.hostile_record import FORGED, MARK, armed, hostile_journal, hostile_tape, opinions
from tests.injection_corpus import CORPUS, Hostile, without_surrogates
from tests.memory_samples import a_document
from tests.playbook import CYCLE, NOON
from tests.trace_samples import Tape

__all__ = ["mytrader"]

COLUMNS = 250
DEAD = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {f"{SVG}{name}" for name in ("svg", "title", "rect", "text", "line", "path", "circle")}

every_text = pytest.mark.parametrize("hostile", CORPUS, ids=lambda each: each.name)
SOME = [
    hostile
    for number, hostile in enumerate(CORPUS)
    if hostile.name.startswith(("terminal", "unseen")) or number % 6 == 0
]
"""What a command is started for: it takes long, and below it everything has seen every text."""

some_texts = pytest.mark.parametrize("hostile", SOME, ids=lambda each: each.name)


def is_harmless(shown: str, *, marked: bool = False) -> None:
    """Every line is one of ours, and holds nothing that a terminal obeys or that nobody sees."""
    odd = {each for each in shown if each != "\n" and unicodedata.category(each) in DEAD}
    assert not odd, f"{odd!r} in {shown[:2000]!r}"
    # A long text in a table is folded below itself, which is to the right.
    forged = [line for line in shown.split("\n") if line.startswith(FORGED)]
    assert not forged, shown[:2000]
    if marked:
        assert MARK in shown, shown[:2000]
    assert shown.count("q7") == shown.count("[bold]q7"), shown[:2000]
    assert shown.count("\U0001f480") == 0, "a name between colons was taken for an emoji"


def console() -> tuple[Console, io.StringIO]:
    """A console that is no terminal, wide enough for all words."""
    screen = io.StringIO()
    return Console(file=screen, width=COLUMNS, highlight=False), screen


def replayed(tape: Tape) -> tuple[TraderState, CycleBook]:
    """Return what a reader of the record knows."""
    book = CycleBook()
    return fold(iter(tape.records), book), book


# Log lines


@pytest.fixture(autouse=True)
def _seen_by_us_alone() -> Iterator[None]:
    """Keep the texts from the test runner's own log: half a character cannot be sent on."""

    def nothing(record: logging.LogRecord) -> bool:
        del record
        return False

    runners = logging.getLogger().handlers[:]
    for handler in runners:
        handler.addFilter(nothing)
    yield
    for handler in runners:
        handler.removeFilter(nothing)


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """Everything is logged, on standard error and into this file."""
    ours = logging.getLogger("mytrader")
    handlers, level = ours.handlers[:], ours.level
    opened = logs.set_up(verbose=True, file=LogFileOptions(tmp_path / "t.log"))
    assert opened is not None
    yield tmp_path / "t.log"
    opened.close()
    ours.handlers[:] = handlers
    ours.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.slow
def test_no_text_makes_a_log_line_of_its_own(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for hostile in CORPUS:
        text = armed(hostile.text)
        fields = {"ref": text, "advisor": text, text: text, "cycle_id": CYCLE}
        structlog.get_logger("mytrader").warning(text, at=NOON, text=text, **fields)
        logging.getLogger("mytrader.x").warning(text.replace("%", "%%"))
        logging.getLogger("mytrader.x").warning("%s", text)
    err = capsys.readouterr().err
    assert err.count("\n") == 3 * len(CORPUS)
    is_harmless(err, marked=True)
    logs.set_up(verbose=False)
    # Closing waits for the thread of the file.
    for handler in logging.getLogger("mytrader").handlers:
        handler.flush()
    written = log_file.read_text("ascii")
    is_harmless(written)
    for line in written.split("\n")[:-1]:
        told = json.loads(line)
        assert set(told) >= {"level", "code", "text"}
        for name, value in told.items():
            is_harmless(str(name))
            is_harmless(str(value))


# Messages


@every_text
def test_a_message_shows_a_text_as_text(hostile: Hostile) -> None:
    teller, state = Teller(name=hostile.text[:24]), TraderState(limits=Limits())
    told = []
    for record in hostile_tape(armed(hostile.text)).records:
        state, _ = step(state, record.event, record.at)
        told += teller.seen(record.at, record.event, asked=record.commands, state=state)
    told += teller.ended(NOON + timedelta(hours=1), RuntimeError(armed(hostile.text)))
    assert len(told) > 8
    for message in told:
        shown, problem = shown_text(message.html, "HTML")
        assert not problem, (problem, message.html)
        is_harmless(shown)
        assert "<a" not in message.html
        is_harmless(message.code)
    assert sum("q7" in message.html for message in told) > 4


# Terminals


@every_text
def test_a_status_and_a_summary_are_lines_of_ours(hostile: Hostile) -> None:
    text = armed(hostile.text)
    tape = hostile_tape(text)
    state, book = replayed(tape)
    said = [Said(NOON, AlertLevel.PAGE, alert.code, alert.text) for alert in book.alerts]
    status = status_of(state, NOON, alerts=said, pages=1)
    to, screen = console()
    print_status(status, to)
    print_said(said, to)
    is_harmless(screen.getvalue(), marked=True)

    to, screen = console()
    print_summary(a_summary(book, state), to)
    is_harmless(screen.getvalue(), marked=True)


def a_summary(book: CycleBook, state: TraderState) -> Summary:
    """Return the end of a run as a run tells it."""
    return Summary(
        book=book,
        mode=state.mode,
        mode_why=state.mode_why,
        position_open=0,
        started_at=NOON,
        ended_at=NOON + timedelta(hours=1),
        cash_change_usd=Decimal(0),
        started_flat=True,
        interrupted=False,
        journal="runs/x.journal",
        head_hash="0" * 64,
        wall=timedelta(seconds=1),
    )


@every_text
def test_a_trace_is_text_and_a_picture_without_life(hostile: Hostile) -> None:
    traces = read_traces(hostile_tape(armed(without_surrogates(hostile.text))).records)
    assert len(traces) == 2
    for trace in traces.values():
        to, screen = console()
        print_trace(trace, to)
        is_harmless(screen.getvalue())
        picture = trace_svg(trace)
        is_harmless(picture)
        is_dead(picture)


def is_dead(picture: str) -> None:
    """A picture is well-formed XML of shapes and text, without anything that acts or refers."""
    root = ET.fromstring(picture)  # noqa: S314 - our own, and an entity would be a failure
    for element in root.iter():
        assert element.tag in DRAWN, element.tag
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on"), name
            assert "href" not in name, name
            assert "url(" not in value, value
            assert "script" not in value, value
    assert "<!" not in picture
    assert "<?" not in picture


@every_text
def test_what_an_advisor_says_when_it_is_tried_is_a_line(hostile: Hostile) -> None:
    said = opinions(armed(hostile.text), failed=False)
    call = AdvisorCall("bedrock-risk", "model/x", 1, "answered", 12.0)
    to, screen = console()
    _print(Asked(said, (call,)), to)
    is_harmless(screen.getvalue(), marked=True)
    assert screen.getvalue().count("\n") == len(said) + 1


# Telemetry


@every_text
def test_metrics_have_the_series_they_always_have(hostile: Hostile) -> None:
    usual, told = Metrics(), Metrics()
    hostile_records(told, armed(hostile.text))
    assert series(told.text()) == series(usual.text())
    assert "q7" not in told.text()


def hostile_records(metrics: Metrics, text: str) -> None:
    """Let metrics hear a record."""
    state = TraderState(limits=Limits())
    for record in hostile_tape(text).records:
        metrics.recorded(record)
        state, _ = step(state, record.event, record.at)
        metrics.looked(state, record.at)


def series(exposition: str) -> list[str]:
    """Every line without its value."""
    return [line.rpartition(" ")[0] for line in exposition.split("\n") if line[:1] != "#"]


@every_text
def test_a_trace_that_is_sent_holds_plain_words(hostile: Hostile) -> None:
    resource = Resource({"service.name": "a-test"})
    text = armed(without_surrogates(hostile.text))
    for trace in read_traces(hostile_tape(text).records).values():
        spans = readable_spans(trace, resource=resource, version="1")
        names = [word for span in spans for word in (span.name, span.status.description or "")]
        for span in spans:
            for attributes in (span.attributes, *(event.attributes for event in span.events)):
                names += [word for pair in (attributes or {}).items() for word in map(str, pair)]
            names += [event.name for event in span.events]
        for name in names:
            is_harmless(name)
            assert len(name) < 1000, name
        assert encode_spans(spans).SerializeToString()


# The commands


@pytest.mark.slow
@some_texts
def test_every_command_shows_a_record_in_lines_of_its_own(
    hostile: Hostile,
    mytrader: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What reads a file reads strangers' words as they were recorded."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setenv("MYTRADER__LEARNING__KEY_FOLDER", str(tmp_path / "keys"))
    text = armed(without_surrogates(hostile.text))
    journal = hostile_journal(tmp_path / "x.journal", text)
    base = ("--journal", journal)
    assert mytrader("memory", "rebuild", *base).status == 0
    memory = KnowledgeBase(tmp_path / "x.journal.memory")
    memory.remember(a_document(1, lesson=text, strategy=text, advice=(text,)))
    memory.close()
    for command in (
        ("cycles", *base),
        ("trace", CYCLE, *base),
        ("trace", CYCLE, *base, "--svg", "t.svg"),
        ("memory", "search", *base),
        ("memory", "stats", *base),
        ("alerts", "preview", *base),
        ("learn", *base, "--since", "2025-11-01", "--report", "r.svg"),
        ("learn", "proposals", *base),
        ("status", *base),
    ):
        said = mytrader(*command)
        assert said.status in (0, 2, 3), said
        assert command[0] == "status" or said.status == 0, said
        is_harmless(said.out)
        is_harmless(said.err)
        if "proposals" not in command and "--svg" not in command:
            assert said.out, command
    for picture in ("t.svg", "r.svg"):
        drawn = Path(picture).read_text("utf-8")
        is_harmless(drawn)
        is_dead(drawn)


@pytest.mark.slow
@some_texts
def test_every_command_tells_programs_one_object(
    hostile: Hostile,
    mytrader: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A person sees this too, when no program stands behind it."""
    monkeypatch.setenv("MYTRADER__LEARNING__KEY_FOLDER", str(tmp_path / "keys"))
    text = armed(without_surrogates(hostile.text))
    journal = hostile_journal(tmp_path / "x.journal", text)
    base = ("--journal", journal, "--json")
    assert mytrader("memory", "rebuild", *base).status == 0
    memory = KnowledgeBase(tmp_path / "x.journal.memory")
    memory.remember(a_document(1, lesson=text, strategy=text, advice=(text,)))
    memory.close()
    for command in (
        ("cycles", *base),
        ("trace", CYCLE, *base),
        ("memory", "search", *base),
        ("memory", "stats", *base),
        ("alerts", "preview", *base),
        ("learn", *base, "--since", "2025-11-01"),
        ("status", *base),
    ):
        said = mytrader(*command)
        assert said.json
        is_harmless(said.out)
        is_harmless(said.err)


@pytest.mark.slow
@some_texts
def test_what_is_typed_comes_back_as_one_line(hostile: Hostile, mytrader: CommandLine) -> None:
    """A script may pass on what a stranger gave it."""
    text = armed(without_surrogates(hostile.text)).replace("\x00", "")
    for command in (
        ("cycles", "--journal", text[:90]),
        ("run", "--symbol", text),
        ("run", "--strategy", text),
        ("run", "--gateway", text),
        ("learn", "approve", text),
        (text,),
    ):
        said = mytrader(*command)
        assert said.status == 2, said
        is_harmless(said.err)
        assert said.err.count("\n") <= 1, said.err


@every_text
def test_a_summary_for_programs_holds_what_was_said_and_nothing_else(hostile: Hostile) -> None:
    state, book = replayed(hostile_tape(armed(hostile.text)))
    view = summary_view(a_summary(book, state))
    assert json.loads(json.dumps(view, default=str))["mode"] == "HALT"
