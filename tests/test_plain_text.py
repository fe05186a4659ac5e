"""Strangers' words on one line, and JSON that is equal and can be looked at."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.plain_text import MASK, dollars, masked, on_record, one_line, visible_json
from tests.injection_corpus import CORPUS, Hostile
from tests.playbook import CYCLE


def test_a_line_is_what_can_be_seen_of_a_text() -> None:
    assert one_line("a\r\nb\x1b[2J\u202e c\x85d\u200be\ud800") == "a b [2J c d e"
    assert one_line("[bold]früher[/]") == "[bold]früher[/]"
    assert one_line("abc", 3) == "abc"
    assert one_line("abcd", 3) == "ab…"
    assert one_line("\u200b\n") == ""


@settings(max_examples=50)
@given(st.text(st.characters()))
def test_json_stays_equal(text: str) -> None:
    for ascii_only in (True, False):
        whole = json.dumps({text: [text, 1]}, indent=2, ensure_ascii=ascii_only)
        shown = visible_json(whole)
        assert json.loads(shown) == json.loads(whole)
        assert all(line.isprintable() for line in shown.split("\n"))


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda each: each.name)
def test_no_text_is_alive(hostile: Hostile) -> None:
    assert one_line(hostile.text).isprintable()
    assert len(one_line(hostile.text, 40)) <= 40
    shown = visible_json(json.dumps(hostile.text, ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == hostile.text


@pytest.mark.parametrize(
    "secret",
    [
        "U1234567",
        "DU1234567",
        "DUA123456",
        "F7654321",
        "DF123456",
        "U12345678",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
    ],
)
def test_accounts_and_keys_are_masked_wherever_they_stand(secret: str) -> None:
    for text in (secret, f"account {secret}.", f"({secret})", f"[{secret}]:{secret}"):
        assert secret not in masked(text)
        assert MASK in masked(text)


@pytest.mark.parametrize("words", ["password=hunter2", "token: abc/def+1", "secret = x9"])
def test_what_calls_itself_a_secret_is_masked(words: str) -> None:
    assert masked(words).endswith(MASK)


@pytest.mark.parametrize(
    "text", [CYCLE, f"mt/{CYCLE}/E1", "ESZ5 6800.25", "LOW_CONFIDENCE 0.491", "UPTREND", "U2"]
)
def test_our_own_words_are_left_alone(text: str) -> None:
    assert masked(text) == text


def test_what_goes_on_record_names_nobody() -> None:
    said = on_record("no\nDU7654321, 7654321098:" + "A" * 35 + " at 12:30:05 6800:25\x1b[2J")
    assert said == f"no {MASK}, {MASK} at 12:30:05 6800:25 [2J"
    assert on_record("U1234\u200b567 " + "x" * 900, 20) == "U1234 567 xxxxxxxxx…"
    assert len(on_record("y" * 900)) == 500


@pytest.mark.parametrize(
    ("amount", "said"),
    [(Decimal("1234.5"), "$1,234.50"), (Decimal("-0.5"), "-$0.50"), (0.0, "$0.00")],
)
def test_money_is_written_as_a_desk_writes_it(amount: Decimal | float, said: str) -> None:
    assert dollars(amount) == said
