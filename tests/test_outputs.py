"""What goes to programs is JSON, and a file that cannot be written is one line."""

import io
import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from mytrader.errors import BadInput
from mytrader.outputs import print_json, spell_out, write_file
from tests.command_line import CommandLine, mytrader

__all__ = ["mytrader"]


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


def terminal(encoding: str) -> io.TextIOWrapper:
    """A terminal that knows no more characters than that."""
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def shown(stream: io.TextIOWrapper) -> str:
    """What stands on it."""
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(stream.encoding)


def test_a_poor_terminal_is_told_in_the_characters_that_it_has() -> None:
    """A stack trace instead of a picture helps nobody; every column stays where it is."""
    poor = terminal("ascii")
    spell_out(poor)
    poor.write("order █◆│● 12 µs… ⚪ 1 → 2 ∆\udcff")
    assert shown(poor) == "order #*|o 12 us~ o 1 > 2 ??"


def test_a_terminal_that_knows_everything_gets_everything() -> None:
    rich = terminal("utf-8")
    spell_out(rich)
    rich.write("█◆│● µ… ⚪ →")
    assert shown(rich) == "█◆│● µ… ⚪ →"


def test_json_loses_nothing_on_a_poor_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    poor = terminal("latin-1")
    spell_out(poor)
    monkeypatch.setattr(sys, "stdout", poor)
    print_json({"text": "é ∆"})
    assert json.loads(shown(poor)) == {"text": "é ∆"}


def test_every_command_may_be_asked_on_a_poor_terminal(
    mytrader: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor = terminal("ascii")
    monkeypatch.setattr(sys, "stdout", poor)
    monkeypatch.setenv("MYTRADER__TELEGRAM__NAME", "papier é")
    assert mytrader("config", "show").status == 0
    assert "papier ?" in shown(poor)
