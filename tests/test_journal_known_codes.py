"""The closed sets hold every word that the code can say."""

import re
from pathlib import Path

from mytrader.journal.known_codes import (
    CALL_OUTCOMES,
    ENTRY_REFUSALS,
    OTHER,
    REFUSALS,
    UNWRITTEN,
    known,
)

EXECUTION = Path(__file__).resolve().parents[1] / "mytrader" / "execution"


def said_in(*names: str) -> set[str]:
    """Return the first argument of every call of some functions, where it is plain text."""
    call = re.compile(rf"\b(?:{'|'.join(names)})\(\s*['\"]([A-Z_]+)['\"]")
    text = "".join(path.read_text("utf-8") for path in EXECUTION.glob("*.py"))
    return set(call.findall(text))


def test_every_code_of_a_guard_is_known() -> None:
    """A guard that is added without its word would be counted as "other"."""
    said = said_in("refusal", "Refused")
    assert len(said) > 40
    assert not said - set(REFUSALS)


def test_every_reason_for_not_writing_an_order_is_known() -> None:
    """What a shadow did not send is not "other"."""
    text = "".join(path.read_text("utf-8") for path in EXECUTION.glob("*.py"))
    said = {"SHADOW", *re.findall(r"_not_written\([^)]*code=\"([A-Z_]+)\"", text)}
    assert said == {"SHADOW", "ORDER_ID"}
    assert said <= set(UNWRITTEN)


def test_every_entry_guard_has_its_own_series() -> None:
    assert said_in("passed") <= set(ENTRY_REFUSALS)


def test_an_unknown_word_is_other() -> None:
    assert known("timeout", CALL_OUTCOMES) == "timeout"
    assert known("U1234567", CALL_OUTCOMES) == OTHER
    assert OTHER not in REFUSALS
