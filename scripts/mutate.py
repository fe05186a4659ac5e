"""Break the order path on purpose, piece by piece, and see whether a test notices.

    python scripts/mutate.py [--jobs 2] [module ... | all]

Without a module: the four on which the promise rests.

Functions are mutated by mutmut, one working folder and one selection of tests per module; the
module-level tables and numbers, which mutmut leaves alone, lose one entry (or gain one) at a time
here. A mutant that only changes words for people is counted apart. Survivors that are equivalent
stand in `docs/mutants.md` with the reason; any other survivor, or fewer than 95 % killed, ends
with status 1. What was found is kept in `.mutants/`: an interrupted run goes on where it was, and
changed tests are tried on what had survived.
"""

import argparse
import ast
import copy
import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
WORK: Final = ROOT / ".mutants"
ACCEPTED: Final = ROOT / "docs" / "mutants.md"
PACKAGE: Final = "mytrader/execution"
KILLED_MIN: Final = 0.95
TABLE_TIMEOUT_S: Final = 120

CYCLES: Final = ("trade_cycle", "trade_cycle_trouble", "exits_profiles")
WAYS: Final = "tests/test_proof_ways.py"
"""A walk over every row of the table."""
STORIES: Final = ("tests/test_incidents.py", "tests/test_hazards.py")
HEART: Final = ("guards", "order_builder", "trade_cycle", "reconcile")
SELECTED: Final[dict[str, tuple[str, ...]]] = {
    "order_builder": (),
    "bracket_guards": (),
    "entry_guards": ("guards",),
    "entry_case": ("entry_guards",),
    "account_guards": ("entry_guards",),
    "market_guards": ("entry_guards",),
    "session_guards": ("entry_guards",),
    "rule_guards": (),
    "bar_watch": ("market_data",),
    "book_news": ("fill_tracking",),
    "guards": (),
    "bracket_family": ("entry_guards",),
    "exposure": ("guards",),
    "risk": ("entry_guards",),
    "turn": ("reconcile",),
    "order_tracking": (*CYCLES, "fill_tracking"),
    "fill_tracking": (*CYCLES, "order_tracking"),
    "cover": (*CYCLES, "protection"),
    "emergency": (*CYCLES, "protection"),
    "protection": (*CYCLES, "cover", "emergency"),
    "exits": CYCLES,
    "trailing": (*CYCLES, "market_watch"),
    "closing": CYCLES,
    "proposal": CYCLES,
    "market_watch": CYCLES,
    "reconcile": CYCLES,
    "trade_cycle": (
        *CYCLES,
        "reconcile",
        "closing",
        "proposal",
        "protection",
        "emergency",
    ),
}
"""The tests of each module beside its own: those whose subject it is as much."""
TOLD_BY_STORIES: Final = frozenset(
    {"order_tracking", "fill_tracking", "exits", "protection", "reconcile", "trade_cycle"}
)

TEXTS: Final = frozenset({"text", "detail", "why", "told", "said", "what", "whose", "side_text"})
"""Arguments and variables that hold nothing but words for people."""
WORDS_AT: Final = {"refusal": 1, "Refused": 1, "_invalid": 0, "query_book": 0, "step_down": 1}
"""Which argument of these calls is for people: a code or a mode comes before it, or nothing."""
SURVIVED: Final = frozenset({0, 33})
"""mutmut's exit codes of a mutant that every test passed, or that no test reached."""


class Mutant(NamedTuple):
    """One change: where, what it replaced, whether a test noticed, whether only words differ."""

    function: str
    old: str
    new: str
    killed: bool
    wording: bool = False

    @property
    def line(self) -> str:
        """The mutant as it would stand in the list of accepted ones."""
        return f"`{self.function}`: `{self.old}` → `{self.new}`"


def tests_of(module: str) -> list[str]:
    """Return the test files that a module's mutants are tried on, its own first."""
    own = sorted(ROOT.glob(f"tests/test_execution_{module}*.py"))
    names = [path.relative_to(ROOT).as_posix() for path in own if "random" not in path.name]
    names += [f"tests/test_execution_{each}.py" for each in SELECTED[module]]
    if module in TOLD_BY_STORIES:
        names += STORIES
    if module == "trade_cycle":
        names.append(WAYS)
    return [name for name in dict.fromkeys(names) if (ROOT / name).exists()]


def digest_of(paths: Iterable[Path]) -> str:
    """Return a digest of files, by content."""
    told = hashlib.sha256()
    for path in sorted(paths):
        told.update(path.name.encode() + path.read_bytes())
    return told.hexdigest()


# Functions, by mutmut


def mutate_functions(module: str, *, jobs: int) -> list[Mutant]:
    """Run mutmut over one module in its folder; return every mutant."""
    folder = WORK / module
    _prepare(folder, module)
    log = folder / "mutmut.log"
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs)]
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(  # noqa: S603 - the interpreter we run under, words of our own
            command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-1500:]
        raise SystemExit(f"mutmut failed on {module}, see {log}:\n{tail}")
    return list(_results(folder, module))


def _prepare(folder: Path, module: str) -> None:
    """Set the folder up; when tests have changed, what survived them is tried again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("mytrader", "tests", "scripts", "docs", "benchmarks"):
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(ROOT / name)
    tests = tests_of(module)
    quoted = ", ".join(f'"{name}"' for name in tests)
    told = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    told += (
        '\n[tool.mutmut]\nsource_paths = ["mytrader"]\nuse_git_change_detection = false\n'
        f'only_mutate = ["{PACKAGE}/{module}.py"]\n'
        'pytest_add_cli_args = ["-m", "not slow", "--hypothesis-seed=0"]\n'
        f"pytest_add_cli_args_test_selection = [{quoted}]\n"
    )
    (folder / "pyproject.toml").write_text(told, encoding="utf-8")
    seen, now = folder / "tests.sha256", digest_of((ROOT / "tests").glob("*.py"))
    if not seen.exists() or seen.read_text(encoding="utf-8") != now:
        _forget_survivors(folder, module)
        shutil.rmtree(folder / "mutants" / "tests", ignore_errors=True)
        seen.write_text(now, encoding="utf-8")


def _meta(folder: Path, module: str) -> Path:
    return folder / "mutants" / PACKAGE / f"{module}.py.meta"


def _forget_survivors(folder: Path, module: str) -> None:
    meta = _meta(folder, module)
    (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    if not meta.exists():
        return
    told = json.loads(meta.read_text(encoding="utf-8"))
    codes = told["exit_code_by_key"]
    told["exit_code_by_key"] = {k: None if v in SURVIVED else v for k, v in codes.items()}
    meta.write_text(json.dumps(told), encoding="utf-8")


def _results(folder: Path, module: str) -> Iterator[Mutant]:
    codes = json.loads(_meta(folder, module).read_text(encoding="utf-8"))["exit_code_by_key"]
    text = (folder / "mutants" / PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    functions = {
        node.name: node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)
    }
    for key, code in codes.items():
        name = key.rpartition(".")[2]
        stem = name.rpartition("__mutmut_")[0]
        if code is None:
            raise SystemExit(f"{key} was not tried: run again")
        function = re.split("x_|ǁ", stem, maxsplit=1)[-1].replace("ǁ", ".")
        was, now = functions[f"{stem}__mutmut_orig"], functions[name]
        yield _mutant(function, was, now, killed=code not in SURVIVED)


def _mutant(function: str, was: ast.FunctionDef, now: ast.FunctionDef, *, killed: bool) -> Mutant:
    was, now = _bare(was, function), _bare(now, function)
    before, after = ast.unparse(was).splitlines(), ast.unparse(now).splitlines()
    lines = list(difflib.ndiff(before, after))
    old = " ".join(line[2:].strip() for line in lines if line.startswith("- "))
    new = " ".join(line[2:].strip() for line in lines if line.startswith("+ "))
    wording = ast.dump(Wordless().visit(was)) == ast.dump(Wordless().visit(now))
    return Mutant(function, old, new, killed, wording)


def _bare(function: ast.FunctionDef, name: str) -> ast.FunctionDef:
    """Return a copy with its own name and without what documents it."""
    function = copy.deepcopy(function)
    function.name = name
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:]
    return function


class Wordless(ast.NodeTransformer):
    """Replaces whatever is only read by people with one word, in place."""

    WORD: Final = ast.Constant("a text")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """A formatted string is a text."""
        del node
        return self.WORD

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """A string with a blank is a text; a single word may be a code."""
        text = isinstance(node.value, str) and " " in node.value
        return self.WORD if text else node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        """`text=`, `why=` and the like take a text."""
        if node.arg in TEXTS:
            node.value = self.WORD
            return node
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """So do variables of these names."""
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in TEXTS:
            node.value = self.WORD
            return node
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Some calls take a text at a fixed place; the first word of a refusal is its code."""
        self.generic_visit(node)
        name = ast.unparse(node.func).rpartition(".")[2]
        place = WORDS_AT.get(name, len(node.args))
        if place < len(node.args):
            node.args[place] = self.WORD
        return node


# Tables and numbers at module level


Edit = Callable[[], object]


def sites(tree: ast.Module) -> Iterator[tuple[str, str, Edit]]:
    """Yield (table, change, edit) for every entry to leave out and every number to move."""
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign):
            target: ast.expr = statement.target
        elif isinstance(statement, ast.Assign):
            target = statement.targets[0]
        else:
            continue
        if statement.value is not None and ast.unparse(target) != "__all__":
            for change, edit in _edits(statement.value):
                yield ast.unparse(target), change, edit


def _edits(node: ast.expr) -> Iterator[tuple[str, Edit]]:
    """Keys of a table are taken or left as a whole; everything else is gone into."""
    inner: list[ast.expr] = []
    if isinstance(node, ast.Dict):
        for index, key in enumerate(node.keys):
            shown = "**" if key is None else ast.unparse(key)
            yield f"without {shown}", partial(_without_pair, node, index)
        inner = node.values
    elif isinstance(node, ast.Tuple | ast.Set | ast.List):
        for index, item in enumerate(node.elts):
            yield f"without {ast.unparse(item)}", partial(node.elts.pop, index)
        inner = node.elts
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield f"{node.value} + 1", partial(_moved, node, 1)
        yield f"{node.value} - 1", partial(_moved, node, -1)
    elif isinstance(node, ast.Call):
        inner = [*node.args, *(each.value for each in node.keywords)]
    elif isinstance(node, ast.BinOp):
        inner = [node.left, node.right]
    for each in inner:
        yield from _edits(each)


def _without_pair(node: ast.Dict, index: int) -> None:
    del node.keys[index], node.values[index]


def _moved(node: ast.Constant, by: int) -> None:
    if isinstance(node.value, int):
        node.value += by


def mutate_tables(module: str, *, jobs: int) -> list[Mutant]:
    """Try every variant of a module's tables; what was tried before is remembered."""
    text = (ROOT / PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    memory = WORK / f"{module}-tables.json"
    known = json.loads(memory.read_text(encoding="utf-8")) if memory.exists() else {}
    tests = digest_of((ROOT / "tests").glob("*.py"))
    folders: SimpleQueue[Path] = SimpleQueue()
    for number in range(jobs):
        folders.put(_table_folder(module, number))
    if not _passes(_table_folder(module, jobs), module, source=text):
        raise SystemExit(f"the tests of {module} fail on the module as it is: mend them first")
    found: list[Mutant] = []

    def tried(number: int) -> Mutant:
        tree = ast.parse(text)
        table, change, edit = list(sites(tree))[number]
        edit()
        source = ast.unparse(tree)
        key = hashlib.sha256(source.encode()).hexdigest()
        if known.get(key) not in ("killed", tests):
            folder = folders.get()
            killed = not _passes(folder, module, source=source)
            folders.put(folder)
            known[key] = "killed" if killed else tests
        return Mutant(table, table, change, known[key] == "killed")

    with ThreadPoolExecutor(jobs) as pool:
        for mutant in pool.map(tried, range(len(list(sites(ast.parse(text)))))):
            found.append(mutant)
            memory.write_text(json.dumps(known), encoding="utf-8")
    return found


def _table_folder(module: str, number: int) -> Path:
    """Return a folder with a copy of the package as it is, and links to the rest."""
    folder = WORK / f"{module}-tables-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "mytrader", folder / "mytrader")
    for name in ("tests", "scripts", "docs", "benchmarks", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def _passes(folder: Path, module: str, *, source: str) -> bool:
    """Whether the module's tests pass on `source`; what was in `folder` is put back."""
    place = folder / PACKAGE / f"{module}.py"
    place.write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow"]
    command += ["--hypothesis-seed=0", "-p", "no:cacheprovider", f"--rootdir={folder}"]
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter we run under, words of our own
            [*command, *tests_of(module)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=TABLE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        shutil.copy(ROOT / PACKAGE / f"{module}.py", place)
    return done.returncode == 0


# What came of it


def accepted() -> dict[str, set[str]]:
    """Return the survivors that are known to be equivalent, per module, as they are written."""
    found: dict[str, set[str]] = {}
    module = ""
    for line in ACCEPTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            module = line.removeprefix("## ").strip("`")
        elif match := re.match(r"- (`.+?`: `.*` → `.*?`)\. \S", line):
            found.setdefault(module, set()).add(match[1])
    return found


def say(line: str) -> None:
    """Print a line at once: a run takes a while."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def report(module: str, mutants: list[Mutant], *, known: set[str]) -> tuple[int, int, list[str]]:
    """Print a module's line; return killed, all that count, and survivors that nobody accepted."""
    counting = [each for each in mutants if each.killed or not each.wording]
    survived = [each for each in counting if not each.killed]
    unlisted = [each.line for each in survived if each.line not in known]
    killed = len(counting) - len(survived)
    rate = 100 * killed / max(len(counting), 1)
    words = len(mutants) - len(counting)
    say(
        f"{module:16} {len(counting):5} mutants {killed:5} killed {len(survived):4} survived"
        f" ({len(unlisted)} not accepted) {rate:6.1f} %, {words} of words left out"
    )
    for line in unlisted:
        say(f"    {line}")
    stale = known - {each.line for each in survived}
    for line in sorted(stale):
        say(f"    no longer survives: {line}")
    return killed, len(counting), unlisted


def main() -> int:
    """Mutate the modules asked for, or the heart; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="module")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    asked = parser.parse_args()
    modules = list(SELECTED) if asked.modules == ["all"] else asked.modules or HEART
    unknown = set(modules) - set(SELECTED)
    if unknown:
        parser.error(f"no such module: {', '.join(sorted(unknown))}; one of {', '.join(SELECTED)}")
    known, total, dead, left = accepted(), 0, 0, list[str]()
    for module in modules:
        mutants = mutate_functions(module, jobs=asked.jobs)
        mutants += mutate_tables(module, jobs=asked.jobs)
        killed, counting, unlisted = report(module, mutants, known=known.get(module, set()))
        dead, total, left = dead + killed, total + counting, left + unlisted
    rate = dead / max(total, 1)
    say(f"{dead} of {total} killed, {100 * rate:.1f} %, {len(left)} survivors not accepted")
    return 1 if left or rate < KILLED_MIN else 0


if __name__ == "__main__":
    sys.exit(main())
