"""What learning looks at is what the journal holds, each bar once."""

from pathlib import Path

import pytest

from mytrader.errors import JournalFault
from mytrader.replay.material import material_of
from tests.domain_samples import CYCLE_ID, ES_DECEMBER, NOON
from tests.learning_journal import write_journal
from tests.learning_samples import MINUTE


def test_cycles_and_bars_come_from_the_journal(tmp_path: Path) -> None:
    found = material_of(write_journal(tmp_path / "x.journal"))
    assert [cycle.cycle_id for cycle in found.cycles] == [CYCLE_ID]
    assert [bar.opened_at for bar in found.bars[ES_DECEMBER]] == [NOON, NOON + MINUTE]


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalFault, match="does not exist"):
        material_of(tmp_path / "none.journal")
