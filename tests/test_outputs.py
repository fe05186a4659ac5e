"""What goes to programs is JSON, and a file that cannot be written is one line."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from mytrader.errors import BadInput
from mytrader.outputs import print_json, write_file


def test_values_that_json_does_not_know_become_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"net": Decimal("6.80"), "path": Path("a"), "text": "∆"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"net": "6.80", "path": "a", "text": "∆"}
    assert "∆" in out


def test_what_a_terminal_would_obey_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": "\x9b31m\u202e"})
    out = capsys.readouterr().out
    assert "\x9b" not in out
    assert "\u202e" not in out
    assert json.loads(out) == {"text": "\x9b31m\u202e"}


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text("old", encoding="utf-8")
    write_file("--svg", path, "ñew")
    assert path.read_text(encoding="utf-8") == "ñew"


def test_a_file_that_cannot_be_written_names_its_option(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--svg .*: choose another place"):
        write_file("--svg", tmp_path / "none" / "a.svg", "")
