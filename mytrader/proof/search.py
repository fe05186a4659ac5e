"""Breadth first through every moment that can be reached, and the shortest way to a broken one."""

from array import array
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import Fact, Phase
from mytrader.domain.decision import Advice
from mytrader.domain.events import AnyEvent
from mytrader.domain.limits import Profile
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import TRANSITIONS, Table, step
from mytrader.proof import scene
from mytrader.proof.canonical import key
from mytrader.proof.kernel import Node, Violation
from mytrader.proof.moves import moves, play, start

Kernel = Callable[..., tuple[TraderState, list[AnyCommand]]]
"""`trade_cycle.step`, or one that was spoilt on purpose."""


class Told(Protocol):
    """Hears of progress."""

    def __call__(self, states: int, *, transitions: int, depth: int) -> None:
        """Take note of how far a search has come."""
        ...


STATES_BETWEEN_WORDS = 2000


class Setting(Struct, frozen=True):
    """What is searched: from where, how far, and how much may go wrong on one way.

    `root` is one of `moves.ROOTS`: a search from an open position reaches what a search from the
    beginning would reach only much later. Its moves are part of every trace.
    """

    profile: Profile
    root: str = "flat"
    lots: int = 1
    faults: int = 2
    states: int = 1_000_000
    depth: int = 1000


class Found(Struct, frozen=True):
    """What a search has seen. `trace` is the shortest way to `violation`, where there is one."""

    setting: Setting
    states: int
    transitions: int
    depth: int
    complete: bool
    events: frozenset[str]
    rows: frozenset[tuple[Phase, Fact]]
    violation: str | None = None
    trace: tuple[str, ...] = ()


class _Rows(Mapping[tuple[Phase, Fact], Phase]):
    """A table that remembers which of its rows were used."""

    def __init__(self, table: Table) -> None:
        self._table = dict(table)
        self.used: set[tuple[Phase, Fact]] = set()

    def __getitem__(self, row: tuple[Phase, Fact]) -> Phase:
        return self._table[row]

    def __iter__(self) -> Iterator[tuple[Phase, Fact]]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def get(self, row: tuple[Phase, Fact], default: Any = None) -> Any:  # noqa: ANN401 - as Mapping
        """Return the phase of a row, and remember the row."""
        found = self._table.get(row)
        if found is None:
            return default
        self.used.add(row)
        return found


class Search:
    """One breadth-first search; its memory is eight bytes a state, a parent and a move."""

    def __init__(
        self, setting: Setting, *, kernel: Kernel = step, table: Table = TRANSITIONS
    ) -> None:
        self.setting = setting
        self._kernel = kernel
        self._rows = _Rows(table)
        self._events: set[str] = set()
        self._seen: set[int] = set()
        self._parents = array("q")
        self._moves = array("H")
        self._names: dict[str, int] = {}
        self.transitions = 0
        self.depth = 0

    def step(
        self, state: TraderState, event: AnyEvent, now: datetime
    ) -> tuple[TraderState, list[AnyCommand]]:
        """Advance the kernel under proof."""
        self._events.add(type(event).__name__)
        return self._kernel(state, event, now, table=self._rows)

    def run(self, told: Told | None = None) -> Found:
        """Search until everything is seen, the bounds are reached, or a promise breaks."""
        setting = self.setting
        first = start(
            setting.profile,
            root=setting.root,
            lots=setting.lots,
            faults=setting.faults,
            step=self.step,
        )
        self._note(first, parent=-1, move="")
        level = [(0, first)]
        while level and self.depth < setting.depth:
            following: list[tuple[int, Node]] = []
            for index, node in level:
                for move in moves(node):
                    self.transitions += 1
                    try:
                        after = play(node, move, self.step)
                        number = self._note(after, parent=index, move=move)
                        if number is None:
                            continue
                        self._judge_advice(after)
                    except Violation as broken:
                        return self._found(str(broken), trace=(*self._trace(index), move))
                    following.append((number, after))
                if told is not None and len(self._seen) % STATES_BETWEEN_WORDS < len(following):
                    told(len(self._seen), transitions=self.transitions, depth=self.depth)
                if len(self._seen) >= setting.states:
                    return self._found()
            level = following
            self.depth += 1
        return self._found(complete=not level)

    def _note(self, node: Node, *, parent: int, move: str) -> int | None:
        """Return the number of a new state, `None` for one that was seen."""
        mark = key(node)
        if mark in self._seen:
            return None
        self._seen.add(mark)
        self._parents.append(parent)
        self._moves.append(self._names.setdefault(move, len(self._names)))
        return len(self._parents) - 1

    def _judge_advice(self, node: Node) -> None:
        """I7: advice about anything but a proposal asks for nothing."""
        for cycle in node.state.cycles.values():
            if cycle.phase is Phase.PROPOSED:
                continue
            said = Advice.GO if len(self._seen) % 2 else Advice.WAIT
            _state, asked = self.step(node.state, scene.advice(cycle.cycle_id, said), node.now)
            if asked:
                raise Violation(f"{said} in {cycle.phase} asked for {asked}")

    def _trace(self, index: int) -> list[str]:
        names = list(self._names)
        found: list[str] = []
        while index > 0:
            found.append(names[self._moves[index]])
            index = self._parents[index]
        return found[::-1]

    def _found(
        self, violation: str | None = None, *, trace: tuple[str, ...] = (), complete: bool = False
    ) -> Found:
        return Found(
            setting=self.setting,
            states=len(self._seen),
            transitions=self.transitions,
            depth=self.depth,
            complete=complete,
            events=frozenset(self._events),
            rows=frozenset(self._rows.used),
            violation=violation,
            trace=trace,
        )
