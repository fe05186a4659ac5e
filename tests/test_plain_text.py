"""Strangers' words on one line, and JSON that is equal and can be looked at."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.plain_text import one_line, visible_json
from tests.injection_corpus import CORPUS, Hostile


def test_a_line_is_what_can_be_seen_of_a_text() -> None:
    assert one_line("a\r\nb\x1b[2J\u202e c\x85d\u200be\ud800") == "a b [2J c d e"
    assert one_line("[bold]früher[/]") == "[bold]früher[/]"
    assert one_line("abc", 3) == "abc"
    assert one_line("abcd", 3) == "ab…"
    assert one_line("\u200b\n") == ""


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
