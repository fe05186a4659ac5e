"""The files on which the promise rests are covered branch by branch, each by its own tests alone.

What another file's tests happen to pass through is not counted: whoever changes one of these
modules finds every branch of it spoken for in the file of the same name.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
HEART: Final = ("order_builder", "guards", "trade_cycle", "reconcile")


@pytest.mark.slow
@pytest.mark.parametrize("module", HEART)
def test_every_branch_is_taken_by_the_modules_own_tests(module: str, tmp_path: Path) -> None:
    """All statements and all branches, without the random and the slow tests."""
    pytest.importorskip("coverage", reason="requirements/dev.txt is not installed")
    source = f"mytrader/execution/{module}.py"
    own = sorted(ROOT.glob(f"tests/test_execution_{module}*.py"))
    assert own
    told = _measured(source, own, tmp_path)
    missing = {key: told[key] for key in ("missing_lines", "missing_branches")}
    assert missing == {"missing_lines": [], "missing_branches": []}


def _measured(source: str, own: list[Path], tmp_path: Path) -> dict[str, object]:
    """Run some test files under coverage; return what it tells of one source file."""
    out = tmp_path / "coverage.json"
    env = {**os.environ, "COVERAGE_FILE": str(tmp_path / "data")}
    run = ["run", "--branch", f"--include={source}", "-m", "pytest", "-q", "-n0"]
    run += ["-m", "not slow", "-p", "no:cacheprovider", *(str(path) for path in own)]
    for words in (run, ["json", "-q", "-o", str(out)]):
        done = subprocess.run(  # noqa: S603 - the interpreter we run under, words of our own
            [sys.executable, "-m", "coverage", *words],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    files: dict[str, dict[str, object]] = json.loads(out.read_text(encoding="utf-8"))["files"]
    return files[source]
