"""The founding lesson is one line, argues against, and stands in the postmortem."""

from pathlib import Path

import pytest

from mytrader.domain import founding
from mytrader.learning.founding import FOUNDING_LESSON


def test_the_founding_lesson_names_its_trade() -> None:
    assert FOUNDING_LESSON.avoid
    assert FOUNDING_LESSON.evidence == (founding.FOUNDING_ID,)
    assert "\n" not in FOUNDING_LESSON.line
    assert f"{founding.ENTRY}" in FOUNDING_LESSON.line
    assert f"{founding.EXIT}" in FOUNDING_LESSON.line


def test_the_founding_facts_stand_in_the_postmortem() -> None:
    page = Path(__file__).resolve().parents[2] / "shared/spec/postmortem-2025-12-12.md"
    if not page.exists():
        pytest.skip("the postmortem (../shared/spec) is absent")
    text = page.read_text(encoding="utf-8")
    for word in ("6890.50", "6856.50", "08:53:13", "09:35:22", "14812", "15638", "$1,700", "WAIT"):
        assert word in text
