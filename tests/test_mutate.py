"""`scripts/mutate.py` breaks what it says, and its list of accepted survivors can be read."""

import ast
import re
import runpy
from configparser import ConfigParser
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
SCRIPT: Final[dict[str, Any]] = runpy.run_path(str(ROOT / "scripts" / "mutate.py"))
KERNEL: Final = "mytrader.execution."

SAMPLE: Final = """
LIMIT: Final = 7
ROWS: Final = {(A, x): B, (A, y): C}
CODES = frozenset({100, 201}) | OTHERS
__all__ = ["step"]
TEXT: Final = "words"
"""


def test_every_part_of_the_kernel_is_mutated() -> None:
    """A new module is placed among the pure ones, and here."""
    rules = ConfigParser()
    rules.read(ROOT / ".importlinter", encoding="utf-8")
    pure = rules["importlinter:contract:pure"]["source_modules"].split()
    kernel = {name.removeprefix(KERNEL) for name in pure if name.startswith(KERNEL)}
    assert set(SCRIPT["SELECTED"]) == kernel


@pytest.mark.parametrize("module", SCRIPT["SELECTED"])
def test_a_module_is_tried_on_its_own_tests_first(module: str) -> None:
    """And on no file that does not exist, or is left to chance."""
    tests = SCRIPT["tests_of"](module)
    assert tests[0] == f"tests/test_execution_{module}.py"
    named = {f"tests/test_execution_{each}.py" for each in SCRIPT["SELECTED"][module]}
    assert named <= set(tests)
    assert not [name for name in tests if "random" in name or not (ROOT / name).exists()]


def test_a_table_loses_one_entry_and_a_number_moves_by_one() -> None:
    """Keys are taken whole; what is exported and what people read is left alone."""
    count = len(list(SCRIPT["sites"](ast.parse(SAMPLE))))
    found = []
    for number in range(count):
        tree = ast.parse(SAMPLE)
        table, change, edit = list(SCRIPT["sites"](tree))[number]
        edit()
        assert ast.unparse(tree) != ast.unparse(ast.parse(SAMPLE))
        found.append((table, change))
    assert found[:4] == [
        ("LIMIT", "7 + 1"),
        ("LIMIT", "7 - 1"),
        ("ROWS", "without (A, x)"),
        ("ROWS", "without (A, y)"),
    ]
    assert {table for table, _change in found} == {"LIMIT", "ROWS", "CODES"}


@pytest.mark.parametrize(
    ("old", "new", "wording"),
    [
        ("refusal('CODE', 'a reason')", "refusal('CODE', None)", True),
        ("refusal('CODE', 'a reason')", "refusal('code', 'a reason')", False),
        ("turn.step_down(Mode.HALT, why)", "turn.step_down(Mode.HALT, None)", True),
        ("turn.step_down(Mode.HALT, why)", "turn.step_down(None, why)", False),
        ("tell(f'{a} of {b}')", "tell(f'{b} of {a}')", True),
        ("tell(text='words')", "tell(text=None)", True),
        ("tell(level='page')", "tell(level='PAGE')", False),
        ("low > 0", "low >= 0", False),
    ],
)
def test_words_for_people_are_told_from_what_is_decided_on(
    old: str, new: str, *, wording: bool
) -> None:
    """A code, a mode or a number is never a wording."""
    before, after = (
        next(iter(ast.parse(f"def f():\n    return {text}").body)) for text in (old, new)
    )
    mutant = SCRIPT["_mutant"]("f", before, after, killed=False)
    assert mutant.wording is wording
    assert mutant.line.startswith("`f`: `return ")


def test_every_accepted_survivor_has_its_module_and_its_reason() -> None:
    """A line that cannot be read would accept nothing, silently."""
    text = SCRIPT["ACCEPTED"].read_text(encoding="utf-8")
    listed = SCRIPT["accepted"]()
    assert set(listed) <= set(SCRIPT["SELECTED"])
    assert sum(map(len, listed.values())) == len(re.findall(r"^- ", text, re.MULTILINE))
