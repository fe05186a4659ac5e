"""Every hazard has its tests, or it is said openly what its proof waits for."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "hazards.md"
HAZARDS: Final = tuple(f"H{number:02}" for number in range(1, 31))
HEADING: Final = re.compile(r"^### (H\d\d) \S.*$", re.MULTILINE)
TEST: Final = re.compile(r"^- `(tests/[\w/]+\.py)::(test_\w+)`$", re.MULTILINE)
OPEN: Final = re.compile(r"^- ((?:H\d\d(?:, )?)+): \S", re.MULTILINE)


def parts(page: str) -> tuple[dict[str, str], str]:
    """Return the text under every hazard's heading, and the list of open proofs."""
    told, _heading, still_open = page.partition("\n## Open proofs\n")
    found = HEADING.split(told)[1:]
    return dict(zip(found[::2], found[1::2], strict=True)), still_open


def open_hazards(still_open: str) -> set[str]:
    """Return every hazard whose proof, or a part of it, is said to be open."""
    return {name for line in OPEN.findall(still_open) for name in line.split(", ")}


@cache
def named_tests(path: Path) -> frozenset[str]:
    """Return the names of a file's tests, as a runner would collect them."""
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (each for each in tree.body if isinstance(each, ast.FunctionDef))
    return frozenset(each.name for each in functions if each.name.startswith("test_"))


def complaints(page: str) -> list[str]:
    """Return what is wrong with a page of hazards."""
    told, still_open = parts(page)
    found = [f"{name} is not told" for name in HAZARDS if name not in told]
    headings = HEADING.findall(page)
    found += [f"{name} is told twice" for name in told if headings.count(name) > 1]
    found += [f"{name} is no hazard" for name in headings if name not in HAZARDS]
    waiting = open_hazards(still_open)
    found += [f"{name} is open and no hazard" for name in waiting - set(HAZARDS)]
    for name, text in told.items():
        tests = TEST.findall(text)
        if "\nMust hold: " not in text:
            found.append(f"{name} does not say what must hold")
        if len(tests) != text.count("::test_"):
            found.append(f"{name} names a test in a line that cannot be read")
        if not tests and name not in waiting:
            found.append(f"{name} has no test and is not open")
        found += [
            f"{name} names {path}::{test}, which does not exist"
            for path, test in tests
            if test not in named_tests(ROOT / path)
        ]
    return found


def test_every_hazard_has_its_tests_or_is_open() -> None:
    """A hazard whose test was renamed or removed fails the build."""
    assert complaints(PAGE.read_text(encoding="utf-8")) == []


def test_the_two_permanent_regressions_are_named() -> None:
    """A duplicated stop and an order believed cancelled are the founding incident once more."""
    told, _still_open = parts(PAGE.read_text(encoding="utf-8"))
    assert "::test_b16_a_modify_during_a_lost_link" in told["H11"]
    assert "::test_b21_orders_believed_cancelled" in told["H05"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("### H07 ", "### H08 ", "H07 is not told"),
        ("### H07 ", "### H08 ", "H08 is told twice"),
        ("### H07 ", "### H31 ", "H31 is no hazard"),
        ("- H26: ", "- H31: ", "H31 is open and no hazard"),
        ("- H26: ", "- a bound: ", "H26 has no test and is not open"),
        ("::test_one_exit_leaves_", "::test_no_exit_leaves_", "which does not exist"),
        ("`tests/test_incidents.py::", "`tests/test_nothing.py::", "which does not exist"),
        ("- `tests/test_incidents.py::", "`tests/test_incidents.py::", "cannot be read"),
        ("Must hold: an exit leaves first", "An exit leaves first", "does not say what must hold"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(old: str, new: str, said: str) -> None:
    """The check can fail: each kind of mistake is named."""
    page = PAGE.read_text(encoding="utf-8")
    assert old in page
    found = complaints(page.replace(old, new))
    assert any(said in each for each in found), found
