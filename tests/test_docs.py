"""Generated pages are current, and what the documentation names exists."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from mytrader.config import example_yaml
from mytrader.domain.cycle import Phase
from mytrader.domain.orders import Side
from mytrader.execution.trade_cycle import TRANSITIONS
from mytrader.journal.writer import JournalWriter
from mytrader.replay.command import main
from mytrader.simulator.fault_files import load_faults
from tests.fault_page import SCRIPT, fault_page
from tests.journal_samples import OPENING
from tests.scenarios.world import EPOCH, World, play

ROOT: Final = Path(__file__).resolve().parents[1]
TRANSITIONS_PAGE: Final = ROOT / "docs" / "reference" / "transitions.md"
FAULTS_PAGE: Final = ROOT / "docs" / "reference" / "faults.md"
SETTINGS_PAGE: Final = ROOT / "docs" / "reference" / "config.example.yaml"
PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMED: Final = re.compile(r"`((?:mytrader|tests|scripts|docs|benchmarks)/[\w./-]+\.\w+)`")
LINKED: Final = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")

REPLAY_PAGE: Final = ROOT / "docs" / "runbooks" / "explain-a-loss.md"
SHOWN: Final = re.compile(r"(?<=```text\n)Order 14812.*?(?=\n```)", re.DOTALL)
DATA: Final = ROOT.parent / "shared" / "data"
RECORDS: Final = (DATA / "bot-2025-12-12.log", DATA / "orders-2025-12-12.sqlite")

HEAD: Final = """\
# The trade cycle's transitions

Generated from `TRANSITIONS` in `mytrader/execution/trade_cycle.py` by `python -m tests.test_docs`;
a test holds this page to it. Any pair that is not here halts the cycle, asks the broker for its
book and pages a person. The working stop stays where it is. REFUSED, ABORTED and CLOSED are final.
"""


def transitions_page() -> str:
    """Return the page as it should be: the diagram and the table of every foreseen pair."""
    facts: dict[tuple[Phase, Phase], list[str]] = {}
    for (before, fact), after in TRANSITIONS.items():
        facts.setdefault((before, after), []).append(fact)
    arrows = [
        f"    {before} --> {after}: {', '.join(named)}"
        for (before, after), named in facts.items()
        if before is not after
    ]
    finals = [f"    {phase} --> [*]" for phase in Phase if phase.final]
    stays = [
        f"- {before}: {', '.join(named)}"
        for (before, after), named in facts.items()
        if before is after
    ]
    rows = [f"| {before} | {fact} | {after} |" for (before, fact), after in TRANSITIONS.items()]
    return "\n".join(
        [
            HEAD,
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {Phase.PROPOSED}",
            *arrows,
            *finals,
            "```",
            "",
            "Facts that leave the phase as it is:",
            "",
            *stays,
            "",
            "| phase | fact | next phase |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def test_the_page_of_faults_is_current_and_its_script_can_be_read(tmp_path: Path) -> None:
    """A fault that the page does not know is one that nobody switches on."""
    assert FAULTS_PAGE.read_text(encoding="utf-8") == fault_page()
    script = tmp_path / "script.yaml"
    script.write_text(SCRIPT, encoding="utf-8")
    assert [rule.name for rule in load_faults(script).rules[-3:]] == [
        "close mid-frame",
        "the second stop never arrives",
        "a short night",
    ]


def test_the_page_of_transitions_is_current() -> None:
    """A diagram that is drawn by hand is wrong after the second change."""
    assert TRANSITIONS_PAGE.read_text(encoding="utf-8") == transitions_page()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_exists(page: Path) -> None:
    """Paths in backquotes and links to files lead somewhere."""
    lines = page.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("*After "))  # others' files
    missing = [name for name in NAMED.findall(text) if not (ROOT / name).exists()]
    missing += [link for link in LINKED.findall(text) if not (page.parent / link).exists()]
    assert missing == []


def test_the_promises_name_tests_that_exist() -> None:
    """Each invariant of ARCHITECTURE.md stands in a row with its file and its tests."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| I\d ", line)]
    assert [row[2:4] for row in rows] == [f"I{number}" for number in range(1, 10)]
    for row in rows:
        assert re.search(r"`mytrader/\S+`", row), row
        assert re.search(r"`tests/\S+`", row), row


def test_the_runbook_shows_what_the_replay_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Wording changes; a page that shows an older one is not believed twice."""
    if not all(record.exists() for record in RECORDS):
        pytest.skip(f"no records of the founding incident in {DATA}")
    printed = [replayed(record, capsys) for record in RECORDS]
    assert SHOWN.findall(REPLAY_PAGE.read_text(encoding="utf-8")) == printed


def replayed(record: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the replay script prints for the founding order."""
    assert main(["--log", str(record), "--order-id", "14812"]) == 0
    return capsys.readouterr().out.rstrip()


@pytest.mark.slow
def test_a_run_is_drawn_from_its_journal(tmp_path: Path) -> None:
    """One trade, long and flattened: the picture has its day, its prices and its result."""
    pytest.importorskip("matplotlib", reason="requirements/dev.txt is not installed")
    path, out = tmp_path / "t.journal", tmp_path / "t.svg"

    async def script(world: World) -> None:
        await world.enter(Side.BUY)
        await world.pass_time(62)
        world.flatten()
        await world.until(lambda: world.ledger_position == 0)
        await world.pass_time(2)
        writer = JournalWriter(path, at=EPOCH, opening=OPENING)
        for record in world.journal.records:
            writer.append(record.at, record.event, record.commands, durable=False)
        writer.close()

    play(script)
    done = _draw(path, out)
    assert done.returncode == 0, done.stderr
    picture = out.read_text(encoding="utf-8")
    assert "ES, session of Thursday 11 December 2025: 1 trade, −$" in picture  # noqa: RUF001 - a minus sign
    assert "BUY 1 at 6,900.25, left by operator at" in picture
    assert "stop 6,895.25" in picture
    assert "target 6,910.25" in picture

    again = _draw(path, out)
    assert again.returncode == 0, again.stderr
    assert out.read_text(encoding="utf-8") == picture, "equal runs give equal files"


@pytest.mark.slow
def test_what_cannot_be_drawn_is_one_line(tmp_path: Path) -> None:
    """No journal, or a journal without bars: what is wrong and what to do, status 2."""
    pytest.importorskip("matplotlib", reason="requirements/dev.txt is not installed")
    JournalWriter(tmp_path / "empty.journal", at=EPOCH, opening=OPENING).close()
    for name, said in (("none.journal", "does not exist"), ("empty.journal", "holds no bars")):
        done = _draw(tmp_path / name, tmp_path / "t.svg")
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def _draw(journal: Path, out: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts" / "draw_run.py"
    return subprocess.run(  # noqa: S603 - our own script with our own paths
        [sys.executable, str(script), str(journal), str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    TRANSITIONS_PAGE.write_text(transitions_page(), encoding="utf-8")
    FAULTS_PAGE.write_text(fault_page(), encoding="utf-8")
    SETTINGS_PAGE.write_text(example_yaml(), encoding="utf-8")
