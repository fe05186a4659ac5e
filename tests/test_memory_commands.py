"""The memory from the command line: found, counted, seeded, made again; errors are one line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from mytrader.cli_memory import memory_app
from mytrader.domain.events import SignalRaised
from mytrader.domain.orders import Side
from mytrader.errors import TheirFault
from mytrader.journal.writer import JournalWriter
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.rag.memory_file import MemoryFile
from mytrader.rag.seeds import FOUNDING_LOSS
from tests.fakes.journal import FakeJournal
from tests.journal_samples import OPENING
from tests.memory_samples import FEATURES, REGIME, a_document, features
from tests.scenarios.world import EPOCH, World, play

SEED_ID: Final = FOUNDING_LOSS.document_id


class Shell:
    """Runs the memory's commands in a folder of the test's own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> str:
        """Run one and return what it printed."""
        self._capsys.readouterr()
        memory_app(list(arguments), standalone_mode=False)
        return self._capsys.readouterr().out

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Run one for a program to read."""
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        """Run one that must fail, and return its one line."""
        with pytest.raises(TheirFault) as told:
            self(*arguments)
        assert "\n" not in str(told.value)
        return str(told.value)


@pytest.fixture
def memory(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shell:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    return Shell(capsys)


def session(known: Mapping[str, float]) -> FakeJournal:
    """Play one trade with these features, and then two proposals that are refused."""
    worlds: list[World] = []

    async def script(world: World) -> None:
        worlds.append(world)
        for turn, numbers in enumerate((known, FEATURES, {})):
            signal = replace(world.signal(Side.BUY), features=dict(numbers), regime=REGIME)
            world.manager._process_hybrid_signal(world.con_id, signal)
            if turn == 0:
                await world.until(lambda: world.ledger_position != 0)
                world.flatten()
            await world.until(lambda: not world.state.cycles)

    play(script)
    return worlds[0].journal


def written(journal: FakeJournal, path: Path = Path("runs/a.journal")) -> Iterator[str]:
    """Write the session as a file and return the ids of its cycles."""
    writer = JournalWriter(path, at=EPOCH, opening=OPENING)
    for record in journal.records:
        writer.append(record.at, record.event, record.commands, durable=False)
    writer.close()
    return (r.event.cycle_id for r in journal.records if isinstance(r.event, SignalRaised))


def kept(*numbers: int, path: Path = Path("runs/a.journal")) -> None:
    """Make a memory beside a journal that is not looked at."""
    path.touch()
    base = KnowledgeBase(path.with_name(path.name + ".memory"))
    base.remember_all(
        a_document(
            number,
            side=Side.SELL if number % 2 else Side.BUY,
            strategy="other" if number > 3 else "ema-cross",
            features=features(minute_of_session=100.0 * number),
        )
        for number in numbers
    )
    base.close()


def numbers(found: Sequence[dict[str, Any]]) -> list[str]:
    return [each["document_id"].lstrip("0") for each in found]


@pytest.mark.slow
def test_rebuild_makes_the_memory_from_the_journal(memory: Shell) -> None:
    first, refused, bare = written(session(FEATURES))
    said = memory.json("rebuild", "--journal", "runs/a.journal")
    assert said == {
        "memory": "runs/a.journal.memory",
        "journal": "runs/a.journal",
        "closed": 1,
        "trades": 1,
        "seeds": 1,
        "refused": 0,
    }
    assert memory.json("rebuild") == said
    assert numbers(memory.json("search")) == [SEED_ID, first.lstrip("0")]
    assert memory("rebuild") == (
        "1 trade and 1 seed are now in runs/a.journal.memory: the journal runs/a.journal has"
        " 1 closed, 0 refused\n"
    )
    found = memory.json("search", "--cycle", refused)
    assert (found[0]["document_id"], found[0]["distance"]) == (first, 0.0)
    Path("runs/a.journal.memory").write_bytes(b"rubbish")
    assert memory.json("rebuild") == said
    why = memory.refused("search", "--cycle", bare)
    assert f"--cycle {bare}: it cannot be compared with others: there is no feature" in why
    assert "neither the memory nor" in memory.refused("search", "--cycle", "NOBODY")


@pytest.mark.slow
def test_rebuild_counts_what_it_refuses(memory: Shell) -> None:
    list(written(session({})))
    said = memory.json("rebuild")
    assert (said["closed"], said["trades"], said["refused"]) == (1, 0, 1)


@pytest.mark.slow
def test_search_shows_the_newest_that_fit(memory: Shell) -> None:
    kept(1, 2, 3, 4, 5)
    assert numbers(memory.json("search")) == ["5", "4", "3", "2", "1", SEED_ID]
    assert numbers(memory.json("search", "--k", "2")) == ["5", "4"]
    assert numbers(memory.json("search", "--side", "buy")) == ["4", "2", SEED_ID]
    assert numbers(memory.json("search", "--strategy", "other")) == ["5", "4"]
    assert numbers(memory.json("search", "--avoid")) == [SEED_ID]
    assert numbers(memory.json("search", "--regime", "range")) == [SEED_ID]
    assert numbers(memory.json("search", "--regime", "UPTREND/MEDIUM", "--k", "1")) == ["5"]
    assert numbers(memory.json("search", "--regime", "LOW")) == []
    assert numbers(memory.json("search", "--symbol", "MES")) == []
    assert numbers(memory.json("search", "--symbol", "es", "--k", "1")) == ["5"]


def test_search_finds_what_is_like_one_trade_nearest_first(memory: Shell) -> None:
    kept(2, 4, 6, 8)
    found = memory.json("search", "--cycle", f"{4:026d}", "--k", "3")
    assert numbers(found) == ["6", "8", "2"]
    assert [each["distance"] for each in found] == sorted(each["distance"] for each in found)
    said = memory("search", "--cycle", SEED_ID)
    assert "distance" in said
    assert "4 trades and 0 seeds from 2026-01-05" in said


def test_search_in_words(memory: Shell) -> None:
    kept(2)
    said = memory("search")
    assert "incident-2025-12-12-14812" in said
    assert "lost $1700.00; avoid: nothing limited the loss" in said
    assert "1 trade and 1 seed from 2025-12-12 to 2026-01-05, net of the trades $500.00" in said
    assert memory("search", "--symbol", "MES") == "nothing like it is remembered\n"


def test_stats_count_by_strategy_and_side(memory: Shell) -> None:
    kept(1, 2, 3, 4)
    said = memory.json("stats")
    assert (said["trades"], said["seeds"], said["avoid"]) == (4, 1, 1)
    assert [(each["strategy"], each["side"], each["trades"]) for each in said["records"]] == [
        ("ema-cross", "BUY", 1),
        ("ema-cross", "SELL", 2),
        ("other", "BUY", 1),
    ]
    assert said["records"][1]["net_usd"] == "1000"
    assert "4 trades and 1 seed in runs/a.journal.memory, 1 to avoid" in memory("stats")


def test_seeding_again_changes_nothing(memory: Shell) -> None:
    Path("runs/a.journal").touch()
    for _ in range(2):
        said = memory.json("seed")
        assert said == {"memory": "runs/a.journal.memory", "seeds": [SEED_ID], "trades": 0}
    assert "0 trades and 1 seed in runs/a.journal.memory" in memory("seed")
    assert memory.json("stats")["trades"] == 0


def test_lessons_are_written_one_file_each(memory: Shell) -> None:
    """What the knowledge base of AWS reads in at night: the lesson in words, nothing else."""
    kept(1, 2)
    said = memory.json("export", "out/lessons")
    assert said == {"folder": "out/lessons", "lessons": 3, "written": 3}
    files = sorted(path.name for path in Path("out/lessons").iterdir())
    assert files == [f"{1:026d}.txt", f"{2:026d}.txt", f"{SEED_ID}.txt"]
    text = Path(f"out/lessons/{SEED_ID}.txt").read_text("utf-8")
    assert "lost $1700.00; avoid: nothing limited the loss" in text
    assert text.endswith("\n")
    kept(3)
    assert memory.json("export", "out/lessons")["written"] == 1
    assert (
        memory("export", "out/lessons") == "4 lessons in out/lessons, 0 of them new or changed\n"
    )


def test_a_lesson_of_a_strange_name_leads_nowhere_else(memory: Shell) -> None:
    path = Path("runs/a.journal")
    path.touch()
    base = KnowledgeBase(path.with_name("a.journal.memory"))
    base.remember(replace(a_document(1), document_id="../../evil"))
    base.close()
    assert "'../../evil' is no id of a trade" in memory.refused("export", "out")


def test_a_folder_that_is_none_is_one_line(memory: Shell) -> None:
    kept(1)
    Path("out").write_text("a file")
    assert "out: " in memory.refused("export", "out")


def test_the_path_may_be_elsewhere(memory: Shell) -> None:
    Path("runs/a.journal").touch()
    Path("t.yaml").write_text("rag:\n  path: shared.memory\n")
    assert memory.json("seed", "--config", "t.yaml")["memory"] == "shared.memory"
    assert Path("shared.memory").exists()


def test_a_running_trader_is_not_disturbed(memory: Shell) -> None:
    kept(1)
    trader = KnowledgeBase(Path("runs/a.journal.memory"))
    trader.remember(a_document(2))
    assert numbers(memory.json("search", "--k", "1")) == ["2"]
    trader.remember(a_document(3))
    trader.close()
    assert numbers(memory.json("search", "--k", "1")) == ["3"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("search --side LONG", "--side LONG: choose one of BUY, SELL"),
        ("search --regime UP", "--regime UP: give a trend"),
        ("search --regime LOW/HIGH", "UPTREND/LOW"),
        ("search --regime /", "--regime /"),
        ("search --journal runs/b.journal", "make it with mytrader memory rebuild"),
        ("stats --journal runs/b.journal", "does not exist"),
        ("search --cycle NOBODY", "empty"),
        ("rebuild --journal none/b.journal", "journal none/b.journal does not exist"),
        ("rebuild --journal runs/b.journal", "journal runs/b.journal does not exist"),
        ("seed --journal none/b.journal", "folder does not exist"),
        ("stats --journal /", "journal / is a directory"),
        ("rebuild --journal runs", "journal runs is a directory"),
        ("seed --config none.yaml", "none.yaml"),
    ],
)
def test_a_bad_input_is_one_line_that_says_what_to_do(
    memory: Shell, asked: str, words: str
) -> None:
    kept(1)
    assert words in memory.refused(*asked.split())
    assert not Path("runs/b.journal.memory").exists()


@pytest.mark.usefixtures("memory")
def test_where_an_index_is_asked_the_embedded_memory_says_that_it_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(1)
    monkeypatch.setenv("MYTRADER__RAG__OPENSEARCH_ENABLED", "true")
    memory_app(["stats"], standalone_mode=False)
    said = capsys.readouterr()
    assert "the trader asks the index" in said.err
    assert "1 trade and 1 seed" in said.out


def test_without_a_journal_there_is_no_memory(memory: Shell) -> None:
    assert "no journal in runs/" in memory.refused("stats")


def test_a_spoilt_document_says_how_to_make_the_memory_again(memory: Shell) -> None:
    kept(1)
    file = MemoryFile(Path("runs/a.journal.memory"))
    file._database.execute("UPDATE documents SET document = 'nonsense'")
    file.close()
    assert "make it again with mytrader memory rebuild" in memory.refused("search")
