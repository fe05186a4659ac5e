"""The house numbers of STYLE.md as functions from source text to complaints.

Each check takes one parsed file and yields a sentence per finding, so that
`test_architecture.py` can hold it against the project and against a sample that must fail.
Nothing here knows the name of a module that a newcomer would add; the few signatures and places
that are exceptions stand below with their reasons.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

LINES_PER_FUNCTION_MAX: Final = 70
LINES_PER_FILE_MAX: Final = 500
COLUMNS_MAX: Final = 99
PARAMETERS_MAX: Final = 6
POSITIONAL_MAX: Final = 3

DIRECTIVE: Final = re.compile(
    r"#\s*(?:ruff\s*:\s*|flake8\s*:\s*)?noqa\b"
    r"(?P<rules>\s*:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)?"
    r"|#\s*type:\s*ignore\b(?P<codes>\[[a-z0-9, -]+\])?"
    r"|#\s*mypy:\s*[\w-]+"
)
"""A comment that silences a tool."""

GUARDS: Final = "mytrader/execution/guards.py"
LOOP: Final = "mytrader/execution/live_trading_manager.py"
EXECUTOR: Final = "mytrader/execution/ib_executor.py"
RUNTIME: Final = "mytrader/runtime.py"

FIXED_SIGNATURES: Final = {
    "step": "events in, commands out: rule 2 of STYLE.md writes it with three",
    "append": "the port Journal: the time, the event, what it led to",
    "hybrid_confidence": "the three weights, in the order in which the design gives them",
    "validate_bracket_prices": "a name and a signature that the design promises to its readers",
    "_validate_entry_guard": "a name and a signature that the design promises to its readers",
    "__exit__": "the language's own signature",
    "__aexit__": "the language's own signature",
    "create_connection": "the signature of asyncio.AbstractEventLoop, overridden",
}
"""Functions whose positional parameters somebody else decides, by name, with the reason."""


class Source:
    """One Python file: its path from the project's root in POSIX form, and its text."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    @classmethod
    def read(cls, path: Path) -> "Source":
        """Return a file below the project's root."""
        return cls(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the syntax tree."""
        return list(ast.walk(ast.parse(self.text)))

    @cached_property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, nested ones included."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [node for node in self.nodes if isinstance(node, kinds)]

    @cached_property
    def vendor_callbacks(self) -> set[ast.stmt]:
        """The methods of the executor's classes that extend the client: its calls, its shapes."""
        classes = [node for node in self.nodes if isinstance(node, ast.ClassDef)]
        extended = [
            node
            for node in classes
            if any((self.meaning(base) or "").startswith("ib_async.") for base in node.bases)
        ]
        return {method for node in extended for method in node.body if self.path == EXECUTOR}

    @cached_property
    def imported(self) -> dict[str, str]:
        """What each imported name stands for, with dots: `dt` for `datetime.datetime`."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for item in node.names:
                    whole = item.name if item.asname else item.name.partition(".")[0]
                    names[item.asname or whole] = whole
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for item in node.names:
                    names[item.asname or item.name] = f"{node.module}.{item.name}"
        return names

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """Every comment with its line number."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]

    def meaning(self, node: ast.AST) -> str | None:
        """The dotted name that an expression stands for, if it leads to an import."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.meaning(node.value)
            return owner and f"{owner}.{node.attr}"
        if isinstance(node, ast.Subscript):
            return self.meaning(node.value)
        return None

    def at(self, node: ast.AST | int, complaint: str) -> str:
        """Put the place before a complaint."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 0)
        return f"{self.path}:{line}: {complaint}"

    def is_below(self, *folders: str) -> bool:
        """Whether the file stands in one of the folders, each with a slash at its end."""
        return self.path.startswith(folders)


def long_files(source: Source) -> Iterator[str]:
    """No file is longer than a reader can hold: split by noun."""
    count = len(source.text.splitlines())
    if count > LINES_PER_FILE_MAX:
        yield source.at(count, f"{count} lines, at most {LINES_PER_FILE_MAX}: split by noun")


def long_lines(source: Source) -> Iterator[str]:
    """No line is wider than two windows side by side.

    As for the linter, a directive at the end is not counted: it must carry its reason there.
    """
    directives = {line: comment for line, comment in source.comments if DIRECTIVE.match(comment)}
    for number, line in enumerate(source.text.splitlines(), 1):
        width = len(line.removesuffix(directives.get(number, "")).rstrip())
        if width > COLUMNS_MAX:
            yield source.at(number, f"{width} columns, at most {COLUMNS_MAX}")


def long_functions(source: Source) -> Iterator[str]:
    """No function is longer than a screen, its docstring included."""
    for function in source.functions:
        count = (function.end_lineno or function.lineno) - function.lineno + 1
        if count > LINES_PER_FUNCTION_MAX:
            yield source.at(
                function, f"{function.name} has {count} lines, at most {LINES_PER_FUNCTION_MAX}"
            )


def is_typer_command(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function's parameters are a command line, to which the limit does not apply."""
    if Path(source.path).parent != Path("mytrader") or "cli" not in Path(source.path).stem:
        return False
    calls = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
    return any(isinstance(c, ast.Attribute) and c.attr in ("command", "callback") for c in calls)


def many_parameters(source: Source) -> Iterator[str]:
    """A call can be read without looking up the order of its arguments.

    `self` and `cls` are not counted, nor `*args` and `**kwargs`; tests ask for fixtures by
    parameter, so the limit does not hold for test functions and fixtures.
    """
    for function in source.functions:
        if source.is_below("tests/") and (
            function.name.startswith("test_") or is_fixture(function)
        ):
            continue
        if is_typer_command(source, function) or function in source.vendor_callbacks:
            continue
        positional = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        if positional[:1] in (["self"], ["cls"]):
            positional = positional[1:]
        count = len(positional) + len(function.args.kwonlyargs)
        if count > PARAMETERS_MAX:
            yield source.at(
                function, f"{function.name} takes {count} parameters, at most {PARAMETERS_MAX}"
            )
        if len(positional) > POSITIONAL_MAX and function.name not in FIXED_SIGNATURES:
            extra = positional[POSITIONAL_MAX]
            yield source.at(function, f"{function.name}: put `*` before {extra}: keyword-only")


def is_fixture(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether pytest fills the parameters in by name."""
    return any("fixture" in ast.unparse(one) for one in function.decorator_list)


BROAD: Final = frozenset({"Exception", "BaseException"})


def broad_handlers(source: Source) -> Iterator[str]:
    """Every handler, and every `suppress`, that catches whatever may come."""
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and (node.type is None or is_broad(node.type)):
            yield source.at(node, "broad except: name what can be raised")
        suppresses = (
            isinstance(node, ast.Call) and source.meaning(node.func) == "contextlib.suppress"
        )
        if suppresses and isinstance(node, ast.Call) and any(map(is_broad, node.args)):
            yield source.at(node, "broad suppress: name what can be raised")


def is_broad(caught: ast.expr) -> bool:
    """Whether the classes that are caught include one of the roots."""
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(kind, ast.Name) and kind.id in BROAD for kind in kinds)


def unexplained_exceptions(source: Source) -> Iterator[str]:
    """A silenced tool names the rule that it is silenced for, and the reason, on the same line."""
    for line, comment in source.comments:
        reason = re.search(r"[A-Za-z]{3,}", DIRECTIVE.sub("", comment))
        for found in DIRECTIVE.finditer(comment):
            if not (found["rules"] or found["codes"]):
                yield source.at(line, f"{found[0]}: name the rule, for this line only")
            elif reason is None:
                yield source.at(line, f"{found[0]}: give the reason on the same line")


def impure_calls(source: Source, banned: frozenset[str]) -> Iterator[str]:
    """Clock, chance, ids and tasks come from the runtime.

    The simulator drives tasks of its own, by its own clock and its own seeds; tests and
    benchmarks may measure, but never sleep and never draw from the shared random numbers. Only
    a task may be made elsewhere, on a line that silences the linter's rule and says why.
    """
    if source.path in (RUNTIME, "tests/test_runtime.py"):
        return
    spawns = source.is_below("mytrader/") and not source.is_below("mytrader/simulator/")
    excused = {line for line, comment in source.comments if "TID251" in comment}
    for node in source.nodes:
        called = source.meaning(node) if isinstance(node, ast.Attribute | ast.Name) else None
        task = (called or "").startswith("asyncio.") and getattr(node, "lineno", 0) in excused
        if called in banned and not task and not is_allowed(source, called or ""):
            yield source.at(node, f"{called} outside the runtime")
        elif spawns and isinstance(node, ast.Attribute) and node.attr == "create_task":
            yield source.at(node, "create_task outside the runtime: ports.Runtime.spawn")


def is_allowed(source: Source, called: str) -> bool:
    """Whether a place may use a call that is banned elsewhere."""
    if source.is_below("mytrader/simulator/"):
        return called.startswith("asyncio.")
    if source.is_below("tests/", "benchmarks/"):
        return called != "time.sleep" and not (
            called.startswith("random.") and called != "random.SystemRandom"
        )
    return False


def forged_permissions(source: Source) -> Iterator[str]:
    """Permission is a type, and only the guards make it."""
    if source.path == GUARDS:
        return
    for node in source.nodes:
        if isinstance(node, ast.Call):
            made = source.meaning(node.func) or ""
            if made.startswith("mytrader.") and made.endswith(".Approved"):
                yield source.at(node, f"Approved is constructed by {GUARDS} alone")
        if isinstance(node, ast.ClassDef):
            bases = [source.meaning(base) or "" for base in node.bases]
            if any(base.startswith("mytrader.") and base.endswith(".Approved") for base in bases):
                yield source.at(node, "a subclass of Approved would be permission by another name")


def vendor_imports(source: Source) -> Iterator[str]:
    """The broker's client enters by one door."""
    for node in source.nodes:
        names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if source.path != EXECUTOR and any(name.split(".")[0] == "ib_async" for name in names):
            yield source.at(node, f"ib_async is imported by {EXECUTOR} alone")


def patches(source: Source) -> Iterator[str]:
    """Our own code is never patched: it is given a fake. A foreign module may be set."""
    for node in source.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(item.name for item in node.names)]
            if any(re.search(r"\bmock\b", name) for name in names):
                yield source.at(node, "unittest.mock: write a fake by hand in tests/fakes")
        if isinstance(node, ast.Call) and is_setattr(node) and node.args:
            target = node.args[0]
            text = target.value if isinstance(target, ast.Constant) else source.meaning(target)
            if not isinstance(text, str) or text.split(".")[0] in ("mytrader", "tests"):
                yield source.at(node, "monkeypatch.setattr on our own code: pass a fake instead")


def is_setattr(call: ast.Call) -> bool:
    """Whether a call is a fixture's `setattr`."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "setattr"


def has_logic(source: Source) -> bool:
    """Whether a module holds a function that does something: more than a docstring and `...`."""
    return any(not is_bare(statement) for f in source.functions for statement in f.body)


def is_bare(statement: ast.stmt) -> bool:
    """Whether a statement only declares: a docstring, or the dots of a protocol."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def path_of_tests(path: str) -> str:
    """The test file of a module: its path below the package, joined by underscores."""
    inside = Path(path).with_suffix("").parts[1:]
    parts = inside[:-1] if inside[-1] == "__init__" else inside
    return f"tests/test_{'_'.join(part.strip('_') for part in parts)}.py"


_HOST: Final = re.compile(
    r"--(?:extra-)?index-url\b|\bpy"
    r"pi\.(?:org|python)|python"
    r"hosted\.org"
    r"|https?://\S*/simple\b|https?://\S+/packages/"
)
_MACHINE: Final = re.compile(
    r"(?<![\w.~-])/(?:home|Users)/[a-z][\w.-]*/|(?<![\w.~-])/root/\w|\b[A-Z]:\\Users\\\w"
)


def foreign_places(path: str, text: str) -> Iterator[str]:
    """No file names the place that packages come from, or a folder of somebody's machine."""
    for number, line in enumerate(text.splitlines(), 1):
        if _HOST.search(line):
            yield f"{path}:{number}: names a package index or the option that does"
        if _MACHINE.search(line) or (len(ROOT.parts) > 3 and str(ROOT) in line):
            yield f"{path}:{number}: names a folder of somebody's machine"


_PIN: Final = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[0-9][^\s;\\]*)(?: ; [^\\]+)? \\"
)


def pins(path: str, text: str) -> tuple[dict[str, str], list[str]]:
    """Return the versions of a compiled requirements file by name, and its complaints."""
    found: dict[str, str] = {}
    complaints = []
    logical = re.sub(r"(?m)^\s*#.*\n?", "", text).replace("\\\n", "\\").splitlines()
    for line in filter(None, logical):
        pin = _PIN.match(line)
        if pin is None or "--hash=sha256:" not in line:
            complaints.append(f"{path}: not pinned with hashes: {line[:60]}")
        else:
            found[pin["name"]] = pin["version"]
    return found, complaints
