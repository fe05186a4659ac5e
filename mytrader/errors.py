"""The exception tree: every error names the party at fault.

    MytraderError
    ├── OurFault              our own reasoning is wrong: the loop halts new risk
    │   └── InvariantBroken   a claim that must always hold did not
    └── TheirFault            the world outside misbehaved: reported, never a stack trace
        ├── BadInput          unusable input from a person or a file: one line, exit status 2
        │   └── MissingExtra  an optional package is wanted and not installed
        ├── BrokerFault       the broker or its gateway refused, vanished or spoke nonsense
        ├── ControlFault      a running trader cannot be reached, or did not answer
        ├── StrategyFault     a strategy raised, or gave something that is no signal
        └── JournalFault      the record cannot be opened, trusted or written

A refusal by a guard is a value (`domain.orders.Refused`), not an exception.
"""


class MytraderError(Exception):
    """Anything this package raises on purpose."""


class OurFault(MytraderError):
    """Our own code is wrong; no new risk is taken after it."""


class InvariantBroken(OurFault):
    """A claim that must hold at all times did not hold."""


class TheirFault(MytraderError):
    """Something outside this package is at fault; the message says what to do."""


class BadInput(TheirFault):
    """Unusable input: the message is one line that says what is wrong, where, and what to do.

    Several things that are wrong are one argument each.
    """

    def __str__(self) -> str:
        """Return a line for each thing that is wrong."""
        return "\n".join(map(str, self.args))


class MissingExtra(BadInput):
    """An optional package is not installed; `asked` is what wants it, `extra` brings it.

    The remedy names the project's own folder: a name on a package index may be anybody's.
    """

    def __init__(self, asked: str, package: str, *, extra: str) -> None:
        super().__init__(
            f"{asked}: {package} is not installed: in the project's folder,"
            f" .venv/bin/python -m pip install -e '.[{extra}]'"
        )


class BrokerFault(TheirFault):
    """The broker, its gateway or the link to it failed."""


class ControlFault(TheirFault):
    """A running trader cannot be reached through its door, or has not answered."""


class StrategyFault(TheirFault):
    """A strategy raised, or gave something that is no signal; it proposes nothing more."""


class JournalFault(TheirFault):
    """The journal cannot be opened, verified, leased or written."""


def invariant(holds: bool, claim: str) -> None:
    """Raise `InvariantBroken` unless `holds`; unlike `assert` it survives `python -O`."""
    if not holds:
        raise InvariantBroken(claim)
