"""The house numbers of STYLE.md hold over the whole project, and each check can fail.

The checks stand in `architecture.py`. Every one of them is first shown a sample that it must
refuse and one that it must let pass, then the project itself.
"""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterable
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import architecture as checks
from tests.architecture import ROOT, Source

FOLDERS: Final = ("mytrader", "tests", "scripts", "benchmarks")


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file of the project, or of some of its folders."""
    paths = [path for folder in folders or FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return tuple(Source.read(path) for path in sorted(paths))


@cache
def banned() -> frozenset[str]:
    """The calls that the linter bans; the architecture test reads the same list."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    return frozenset(lint["lint"]["flake8-tidy-imports"]["banned-api"])


def impure_calls(source: Source) -> Iterable[str]:
    """Hold a file against the linter's list of banned calls."""
    return checks.impure_calls(source, banned())


Check = Callable[[Source], Iterable[str]]
OURS: Final = "mytrader/execution/thing.py"
TESTS: Final = "tests/test_thing.py"

EVERYWHERE: Final[tuple[Check, ...]] = (
    checks.long_files,
    checks.long_lines,
    checks.long_functions,
    checks.many_parameters,
    checks.unexplained_exceptions,
    checks.patches,
    impure_calls,
)
PACKAGE: Final[tuple[Check, ...]] = (checks.forged_permissions, checks.vendor_imports)

_LONG_BODY: Final = "    x = 1\n" * checks.LINES_PER_FUNCTION_MAX
_CLIENT: Final = (
    "from ib_async import wrapper\nclass A(wrapper.Wrapper):\n def f(self, a, b, c, d): 1"
)
_MANY: Final = ", ".join("abcdefg"[: checks.POSITIONAL_MAX + 1])
_APPROVED: Final = "from mytrader.domain.orders import Approved as Yes\n"
_IGNORE: Final = "# type: " + "ignore"
_NOQA: Final = "# no" + "qa"
_SETATTR: Final = "import os\nimport mytrader.cli\ndef test_it(monkeypatch): "

BAD: Final[list[tuple[Check, str, str]]] = [
    (checks.long_files, OURS, "x = 1\n" * (checks.LINES_PER_FILE_MAX + 1)),
    (checks.long_lines, OURS, "x = '" + "x" * checks.COLUMNS_MAX + "'\n"),
    (checks.long_functions, OURS, "def f():\n" + _LONG_BODY),
    (checks.long_functions, OURS, "class A:\n  async def f(self):\n" + _LONG_BODY),
    (checks.many_parameters, OURS, "def f(a, b, *, c, d, e, f, g): ..."),
    (checks.many_parameters, OURS, f"def f({_MANY}): ..."),
    (checks.many_parameters, OURS, f"class A:\n def _f(self, {_MANY}=1): ..."),
    (checks.many_parameters, OURS, f"@app.command()\ndef f({_MANY}): ..."),
    (checks.many_parameters, "mytrader/cli.py", f"def f({_MANY}): ..."),
    (checks.many_parameters, TESTS, f"def helper({_MANY}): ..."),
    (checks.many_parameters, OURS, _CLIENT),
    (checks.many_parameters, checks.EXECUTOR, f"class A(B):\n def f(self, {_MANY}): 1"),
    (checks.broad_handlers, OURS, "try: pass\nexcept: pass"),
    (checks.broad_handlers, OURS, "try: pass\nexcept Exception: pass"),
    (checks.broad_handlers, OURS, "try: pass\nexcept (OSError, BaseException): pass"),
    (checks.broad_handlers, OURS, "try: pass\nexcept* Exception: pass"),
    (checks.broad_handlers, OURS, "from contextlib import suppress\nwith suppress(Exception): 1"),
    (checks.unexplained_exceptions, OURS, f"x = 1  {_IGNORE}  # because we said so"),
    (checks.unexplained_exceptions, OURS, f"x = 1  {_IGNORE}[arg-type]"),
    (checks.unexplained_exceptions, OURS, f"x = 1  {_NOQA}"),
    (checks.unexplained_exceptions, OURS, f"x = 1  {_NOQA}: E501, S101"),
    (checks.unexplained_exceptions, OURS, f"{_NOQA.replace('# ', '# ruff: ')}: the whole file"),
    (checks.unexplained_exceptions, OURS, "# mypy: " + "ignore-errors because it is old"),
    (impure_calls, OURS, "from datetime import datetime as dt\nx = dt.now(tz)"),
    (impure_calls, OURS, "import datetime\nx = field(default_factory=datetime.datetime.now)"),
    (impure_calls, OURS, "from time import time\nx = time()"),
    (impure_calls, OURS, "import time as t\nt.monotonic()"),
    (impure_calls, OURS, "from uuid import uuid4\nuuid4()"),
    (impure_calls, OURS, "import random\nrandom.random()"),
    (impure_calls, OURS, f"import random\nrandom.random()  {_NOQA}: TID251 - for once"),
    (impure_calls, OURS, "import asyncio\nasyncio.create_task(x)"),
    (impure_calls, OURS, "async def f(loop):\n loop.create_task(g())"),
    (impure_calls, OURS, "import asyncio\nasync def f(): await asyncio.sleep(1)"),
    (impure_calls, "mytrader/simulator/gateway.py", "import time\ntime.time()"),
    (impure_calls, "mytrader/simulator/gateway.py", "import random\nrandom.choice(x)"),
    (impure_calls, TESTS, "import time\ntime.sleep(1)"),
    (impure_calls, TESTS, "import random\nrandom.shuffle(x)"),
    (checks.forged_permissions, OURS, _APPROVED + "Yes(order)"),
    (checks.forged_permissions, OURS, _APPROVED + "Yes[Bracket](order)"),
    (checks.forged_permissions, OURS, "import mytrader.domain.orders as o\no.Approved(order)"),
    (checks.forged_permissions, OURS, _APPROVED + "class Sly(Yes[int]): ..."),
    (checks.vendor_imports, OURS, "import ib_async.ib as client"),
    (checks.vendor_imports, OURS, "def f():\n from ib_async import IB"),
    (checks.patches, TESTS, "from unittest.mock import patch"),
    (checks.patches, TESTS, "from unittest import mock"),
    (checks.patches, TESTS, "import unittest.mock"),
    (checks.patches, TESTS, _SETATTR + "monkeypatch.setattr('mytrader.cli.main', 1)"),
    (checks.patches, TESTS, _SETATTR + "monkeypatch.setattr(mytrader.cli, 'main', 1)"),
    (checks.patches, TESTS, _SETATTR + "monkeypatch.setattr(trader, 'step', 1)"),
]

GOOD: Final[list[tuple[Check, str, str]]] = [
    (checks.long_files, OURS, "x = 1\n" * checks.LINES_PER_FILE_MAX),
    (checks.long_lines, OURS, "x" * checks.COLUMNS_MAX),
    (checks.long_lines, OURS, "x" * checks.COLUMNS_MAX + f"  {_NOQA}: S101 - the reason"),
    (checks.long_functions, OURS, "def f():\n" + _LONG_BODY.replace("    x = 1\n", "", 1)),
    (checks.many_parameters, OURS, "class A:\n def f(self, a, b, *args, c, d, e, f, **kw): ..."),
    (checks.many_parameters, checks.EXECUTOR, _CLIENT),
    (checks.many_parameters, OURS, "def step(state, event, now): ..."),
    (checks.many_parameters, "mytrader/cli.py", "@app.command()\ndef f(a, b, c, d, e, f, g): ..."),
    (
        checks.many_parameters,
        TESTS,
        "def test_it(a, b, c): ...\n@pytest.fixture\ndef g(a, b, c): 1",
    ),
    (checks.broad_handlers, OURS, "try: pass\nexcept (OSError, ValueError): pass"),
    (checks.unexplained_exceptions, OURS, f"x = 1  {_IGNORE}[misc]  # the stub forgets this"),
    (checks.unexplained_exceptions, OURS, f"x = 1  {_NOQA}: S603, S607 - the tool of the project"),
    (impure_calls, OURS, "import random\nx = random.Random(7)"),
    (impure_calls, OURS, "def f(state, now): return now.time()"),
    (impure_calls, checks.RUNTIME, "import time\ntime.time()"),
    (
        impure_calls,
        OURS,
        f"import asyncio\nasyncio.ensure_future(x)  {_NOQA}: TID251 - awaited here",
    ),
    (impure_calls, "mytrader/simulator/gateway.py", "import asyncio\nasyncio.create_task(x)"),
    (impure_calls, TESTS, "import asyncio\nasyncio.sleep(1)"),
    (checks.forged_permissions, checks.GUARDS, _APPROVED + "Yes(order)"),
    (checks.forged_permissions, OURS, _APPROVED + "def send(order: Yes[int]): ..."),
    (checks.vendor_imports, checks.EXECUTOR, "from ib_async import IB"),
    (checks.patches, TESTS, _SETATTR + "monkeypatch.setattr(os, 'fsync', 1)"),
    (checks.patches, TESTS, _SETATTR + "monkeypatch.setenv('CI', 'true')"),
]


def sample_id(value: object) -> str | None:
    """Name a sample by its check."""
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("check", "path", "text"), BAD, ids=sample_id)
def test_check_refuses_its_bad_sample(check: Check, path: str, text: str) -> None:
    """A check that cannot fail checks nothing."""
    assert list(check(Source(path, text)))


@pytest.mark.parametrize(("check", "path", "text"), GOOD, ids=sample_id)
def test_check_lets_its_good_sample_pass(check: Check, path: str, text: str) -> None:
    """A check that refuses what is right would be switched off by the first who meets it."""
    assert list(check(Source(path, text))) == []


@pytest.mark.parametrize("check", EVERYWHERE, ids=sample_id)
def test_house_number_holds_everywhere(check: Check) -> None:
    """The package, its tests, its scripts and its benchmarks obey the same numbers."""
    assert "\n".join(line for source in sources() for line in check(source)) == ""


@pytest.mark.parametrize("check", PACKAGE, ids=sample_id)
def test_house_rule_holds_in_the_package(check: Check) -> None:
    """Outside its tests nothing makes permission or speaks to the broker past its door."""
    found = [line for one in sources("mytrader", "scripts") for line in check(one)]
    assert "\n".join(found) == ""


def test_every_check_is_applied_and_has_its_bad_sample() -> None:
    """A check that was written and then forgotten would look like one that holds."""
    sampled = {check for check, _, _ in BAD}
    assert sampled == {*EVERYWHERE, *PACKAGE, checks.broad_handlers}
    assert sampled == {check for check, _, _ in GOOD}


def test_only_the_loop_catches_everything_and_only_once() -> None:
    """A broad handler hides the next bug, so there is one; who asks it ends what failed."""
    found = {one.path: len(list(checks.broad_handlers(one))) for one in sources()}
    assert found.pop(checks.LOOP, 1) == 1
    assert [path for path, count in found.items() if count] == []


def untested(package: Iterable[Source], tests: Iterable[str]) -> list[str]:
    """The modules with logic for which there is no test file of the right name."""
    present = set(tests)
    return [
        f"{one.path}: {checks.path_of_tests(one.path)} is missing"
        for one in package
        if checks.has_logic(one) and checks.path_of_tests(one.path) not in present
    ]


def test_every_module_with_logic_has_its_test_file() -> None:
    """Whoever opens a module knows where its tests are, and that there are some."""
    assert untested(sources("mytrader"), (one.path for one in sources("tests"))) == []


def test_a_module_without_its_test_file_is_found() -> None:
    """The name of the test file is the module's path below the package."""
    logic = Source("mytrader/domain/cycle.py", "def f(x):\n return x")
    protocol = Source("mytrader/ports.py", 'class A:\n def f(self):\n  """Do."""\n  ...')
    init = Source("mytrader/tws/__init__.py", "def f(): return 1")
    assert untested([logic, protocol], []) == [
        "mytrader/domain/cycle.py: tests/test_domain_cycle.py is missing"
    ]
    assert untested([logic], ["tests/test_domain_cycle.py"]) == []
    assert untested([init], ["tests/test_tws.py"]) == []


def tracked() -> list[Path]:
    """The files under version control that are text."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a checkout: nothing says which files belong to the project")
    listed = subprocess.run(  # noqa: S603 - the arguments are constant
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


def test_no_tracked_file_names_an_index_or_a_machine() -> None:
    """The project installs from whatever index its user trusts, and runs from any folder."""
    found = [
        line
        for path in tracked()
        for line in checks.foreign_places(
            path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        )
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-" + "url somewhere",
        "see https://py" + "pi.org/project/x",
        "https://files.python" + "hosted.org/x",
        "https://mirror.example/sim" + "ple",
        "cd /ho" + "me/alice/mytrader",
        "open('/Us" + "ers/alice/x')",
        "/ro" + "ot/x",
    ],
)
def test_a_foreign_place_is_found(line: str) -> None:
    """Each of these once stood in somebody's repository."""
    assert list(checks.foreign_places("x.txt", line))


@pytest.mark.parametrize("line", ["https://example.org/home/page", "~/home/x/y", "a simple thing"])
def test_an_ordinary_line_is_no_foreign_place(line: str) -> None:
    """Prose and web addresses are left alone."""
    assert list(checks.foreign_places("x.txt", line)) == []


def locked(name: str) -> dict[str, str]:
    """The pinned versions of one compiled requirements file; fails on a line without hashes."""
    path = f"requirements/{name}.txt"
    found, complaints = checks.pins(path, (ROOT / path).read_text(encoding="utf-8"))
    assert complaints == []
    return found


def asked(name: str) -> set[str]:
    """The names that a requirements source asks for, without what it includes."""
    lines = (ROOT / f"requirements/{name}.in").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-"))]
    return {canonicalize_name(Requirement(line).name) for line in wanted}


def test_requirements_are_pinned_with_hashes_and_complete() -> None:
    """What is installed is what was tested, byte for byte."""
    run, dev = locked("run"), locked("dev")
    assert asked("run") <= run.keys()
    assert asked("dev") <= dev.keys()
    assert {name: dev.get(name) for name in run} == run


def test_requirements_satisfy_the_package() -> None:
    """The package is installed without looking at its dependencies, so the lock must fit them."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)
    needed = settings["project"]["dependencies"] + settings["build-system"]["requires"]
    run = locked("run")
    for requirement in map(Requirement, needed):
        name = canonicalize_name(requirement.name)
        assert name in asked("run"), name
        assert requirement.specifier.contains(run[name]), f"{requirement} against {run[name]}"


@pytest.mark.parametrize(
    "line",
    [
        "polars==1.0\n",
        "polars>=1.0 \\\n    --hash=sha256:ab\n",
        "polars @ https://example.org/x.whl \\\n    --hash=sha256:ab\n",
        "-i https://example.org\n",
    ],
)
def test_a_requirement_that_is_not_locked_is_found(line: str) -> None:
    """Any of these would let the outside decide what runs."""
    assert checks.pins("run.txt", line)[1]


def test_every_part_of_the_heart_is_held_to_be_pure() -> None:
    """A module split from the heart must not lose the contract that its origin is under."""
    settings = ConfigParser()
    settings.read(ROOT / ".importlinter", encoding="utf-8")
    pure = settings["importlinter:contract:pure"]["source_modules"].split()
    executor = settings["importlinter:contract:executor"]["protected_modules"].split()
    shadow = "mytrader/execution/shadow.py"  # stands where the executor stands
    doors = (checks.LOOP, checks.EXECUTOR, shadow, "mytrader/execution/__init__.py")
    heart = [one.path for one in sources("mytrader/execution") if one.path not in doors]
    names = {path.removesuffix(".py").replace("/", ".") for path in heart}
    assert names <= {*pure, *executor}


def test_commands_of_the_house_are_there() -> None:
    """The few commands that the pages promise are targets of the Makefile."""
    targets = re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert {"run", "test", "check", "bench", "help", "clean"} <= set(targets)
