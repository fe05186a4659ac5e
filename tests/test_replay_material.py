"""What learning looks at is what the journal holds, each bar once."""

from pathlib import Path

import pytest

from mytrader.domain.decision import AdvisorCall
from mytrader.domain.events import AdvisorCalled
from mytrader.errors import JournalFault
from mytrader.journal.writer import JournalWriter
from mytrader.replay.material import material_of
from tests.domain_samples import CYCLE_ID, ES_DECEMBER, NOON
from tests.learning_journal import OPENING, write_journal
from tests.learning_samples import MINUTE


def test_cycles_and_bars_come_from_the_journal(tmp_path: Path) -> None:
    found = material_of(write_journal(tmp_path / "x.journal"))
    assert [cycle.cycle_id for cycle in found.cycles] == [CYCLE_ID]
    assert [bar.opened_at for bar in found.bars[ES_DECEMBER]] == [NOON, NOON + MINUTE]


def test_calls_to_advisors_come_with_the_time_of_their_record(tmp_path: Path) -> None:
    call = AdvisorCall("risk", "model/x", 1, "answered", 800.0)
    path = write_journal(tmp_path / "x.journal")
    writer = JournalWriter(path, at=NOON + MINUTE, opening=OPENING)
    writer.append(NOON + MINUTE, AdvisorCalled(CYCLE_ID, call), (), durable=True)
    writer.close()
    assert material_of(path).calls == ((NOON + MINUTE, call),)


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalFault, match="does not exist"):
        material_of(tmp_path / "none.journal")
