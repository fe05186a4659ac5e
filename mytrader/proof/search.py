"""The search: every state that the broker can bring about, once, the least disturbed first.

Level by level: level 0 is everything that a kind and prompt world can do, and the ways into
corners (`ways`). From each state of a level one disturbance leads to the next, which is then
closed under free moves; a state belongs to the first level that reaches it. Where the bounds do
not let a level be finished its starts are taken scattered over the level below, so that every
part of a trade's life is disturbed. What is kept of a state is a digest of eight bytes, its
predecessor and its move; a trace is rebuilt by making its moves again.
"""

from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator
from math import gcd
from typing import Final

from msgspec import Struct

from mytrader.proof.canon import digest
from mytrader.proof.choices import disturbances, free_moves, pending
from mytrader.proof.ending import AT_ONCE_MAX, END, ENDLESS, kind_ending
from mytrader.proof.judge import Violation
from mytrader.proof.moves import Move, make_move
from mytrader.proof.trader import Crash, Trader, copied
from mytrader.proof.truth import World
from mytrader.proof.ways import ways_for

CRASHES: Final = tuple(crash for crash in Crash if crash)
SHARES: Final = (0.45, 0.65)
"""How much of the room the first levels may fill together; later levels fill it up."""
CALM_SHARE: Final = 0.8
"""How much of the bound on states is room for all that is no long slow spell."""
SPELL_SHARE: Final = 0.9
"""The same, and what a slow spell alone brings; the rest is for a disturbance in one."""
KEEP_EACH: Final = 8
"""Of a level beyond the first one state in so many is kept whole, to be disturbed again."""
PAUSE_EACH: Final = 8
"""After the first disturbance a pause begins in one state of so many."""
SLOW: Final = "a slow spell"
END_EACH: Final = 200
"""One state in so many is brought to its kind ending."""
TELL_EVERY: Final = 2_000


class Bounds(Struct, frozen=True):
    """How far a search goes: distinct states, and disturbances on one way."""

    states: int
    disturbances: int = 3


class Level(Struct, frozen=True):
    """What a number of disturbances brought: new states, from how many of the states that waited.

    `complete` says that nothing was left out, up to this level.
    """

    name: str
    states: int
    taken: int
    waiting: int
    complete: bool


class Found(Struct):
    """What a search came to.

    `moves` is how often each kind of move was made; `trace` is the way to `violation`, its last
    move included.
    """

    states: int = 0
    transitions: int = 0
    endings: int = 0
    depth: int = 0
    levels: tuple[Level, ...] = ()
    violation: str | None = None
    trace: tuple[Move, ...] = ()
    moves: dict[str, int] = {}


Waiting = list[tuple[int, World]]
"""States by their numbers."""


class Search:
    """One search from the start of a day on."""

    def __init__(
        self,
        trader: Trader,
        bounds: Bounds,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.trader = trader
        self.bounds = bounds
        self._transitions = 0
        self._endings = 0
        self._made: Counter[str] = Counter()
        self._progress = progress
        self._seen: dict[int, int] = {}
        self._parents = array("I")
        self._moves = array("H")
        self._depths = array("H")
        self._move_numbers: dict[Move, int] = {}
        self._queue: deque[tuple[int, World]] = deque()
        self._kept: list[tuple[int, World]] = []
        self._keep_each = 1
        self._wrote = False
        self._on_a_way = False

    def run(self) -> Found:
        """Visit states until the bounds are reached, everything is seen, or a promise breaks."""
        found = Found()
        try:
            self._run_levels(found)
        except _Broken as broken:
            found.violation = broken.claim
            found.trace = (*self._trace_to(broken.index), broken.move)
        found.states = len(self._depths)
        found.transitions = self._transitions
        found.endings = self._endings
        found.moves = dict(self._made.most_common())
        found.depth = max(self._depths, default=0)
        return found

    def _run_levels(self, found: Found) -> None:
        """Visit level after level; then what a slow spell brings, and a disturbance in one."""
        most = self.bounds.states
        number = self.bounds.disturbances
        calm = int(most * CALM_SHARE) if number else most
        self._begin(found, calm)
        kept = first = self._kept
        for level in range(1, number + 1):
            share = SHARES[level - 1] if level <= len(SHARES) else 1.0
            kept = self._run_level(found, kept, name=str(level), most=int(calm * share))
        if number:
            kept = self._run_level(found, first, name=SLOW, most=int(most * SPELL_SHARE))
            self._run_level(found, kept, name=f"{SLOW}, 1", most=most)

    def _begin(self, found: Found, most: int) -> None:
        """Note the ways, and everything that a kind and prompt world can do."""
        self._note(self.trader.opened(), 0, ("start", 0, Crash.NONE))
        self._on_a_way = True
        for way in ways_for(self.trader.limits.profile, self.trader.limits.quantity_per_entry):
            self._go(way)
        self._on_a_way = False
        self._close(most)
        whole = not self._queue
        self._queue.clear()
        found.levels = (Level("0", len(self._depths), 1, 1, complete=whole),)

    def _run_level(self, found: Found, waiting: Waiting, *, name: str, most: int) -> Waiting:
        """Disturb what waits until there is no room; return what waits to be disturbed again."""
        self._kept = []
        self._keep_each = 1 if name == "1" else KEEP_EACH
        disturb = self._slow_down if name == SLOW else self._disturb
        before, taken = len(self._depths), 0
        for index, world in _scattered(waiting):
            if len(self._depths) >= most:
                break
            disturb(index, world)
            self._close(most)
            taken += 1
        whole = found.levels[-1].complete and taken == len(waiting) and not self._queue
        whole = whole and len(waiting) >= found.levels[-1].states
        self._queue.clear()
        new = len(self._depths) - before
        found.levels = (*found.levels, Level(name, new, taken, len(waiting), complete=whole))
        return self._kept

    def _go(self, way: list[tuple[Move, bool]]) -> None:
        """Go one way from the start of the day, noting every state on it; try its kind ending.

        From a state in a slow spell nothing but the way itself is followed here. A trader that is
        not ours may leave the way: there it ends.
        """
        index, world = 0, self.trader.opened()
        for move, prompt in way:
            if move[:2] not in {*free_moves(world), *disturbances(world)}:
                return
            index, world = self._try(index, world, move)
            at_once = 0
            while prompt and (waiting := pending(world)):
                index, world = self._try(index, world, (*waiting[0], Crash.NONE))
                at_once += 1
                if at_once > AT_ONCE_MAX:
                    raise _Broken(ENDLESS, index, END)
        self._end(index, world)

    def _trace_to(self, index: int) -> tuple[Move, ...]:
        """Return the moves that lead to a state."""
        by_number = list(self._move_numbers)
        moves = []
        while index:
            moves.append(by_number[self._moves[index]])
            index = self._parents[index]
        return tuple(reversed(moves))

    def _close(self, most: int) -> None:
        """Make every free move from every state that waits."""
        queue = self._queue
        while queue and len(self._depths) < most:
            index, world = queue.popleft()
            if index % END_EACH == 0:
                self._end(index, world)
            for name, argument in free_moves(world):
                self._try(index, world, (name, argument, Crash.NONE))

    def _disturb(self, index: int, world: World) -> None:
        """Disturb a state in every way but a long slow spell.

        Beyond the first disturbance pauses are thinned out: each brings a thousand states, and
        room is wanted for those that something else brings.
        """
        pauses = self._keep_each == 1 or index % PAUSE_EACH == 0
        for name, argument in disturbances(world):
            if name != "slow" and (name != "pause" or pauses):
                self._try(index, world, (name, argument, Crash.NONE))
        for name, argument in free_moves(world):
            self._try(index, world, (name, argument, Crash.NONE))
            if self._wrote:
                for crash in CRASHES:
                    self._try(index, world, (name, argument, crash))

    def _slow_down(self, index: int, world: World) -> None:
        """Begin a slow spell: from here on wire and broker do things in any order."""
        if ("slow", 0) in disturbances(world):
            self._try(index, world, ("slow", 0, Crash.NONE))

    def _try(self, index: int, before: World, move: Move) -> tuple[int, World]:
        """Make a move; return the number of the state that it leads to, and that state."""
        world = copied(before)
        self._transitions += 1
        self._made[move[2] or move[0]] += 1
        try:
            self._wrote = make_move(self.trader, world, move)
        except Violation as violation:
            raise _Broken(str(violation), index, move) from violation
        return self._note(world, index, move), world

    def _end(self, index: int, before: World) -> None:
        """Bring a copy of a state to its kind ending."""
        try:
            deque(kind_ending(self.trader, copied(before)), maxlen=0)
        except Violation as violation:
            raise _Broken(str(violation), index, END) from violation
        self._endings += 1

    def _note(self, world: World, parent: int, move: Move) -> int:
        key = digest(world)
        index = len(self._depths)
        known = self._seen.setdefault(key, index)
        if known != index:
            return known
        self._parents.append(parent)
        self._moves.append(self._move_numbers.setdefault(move, len(self._move_numbers)))
        self._depths.append(self._depths[parent] + 1 if index else 0)
        if world.slow and self._on_a_way:
            return index
        self._queue.append((index, world))
        if key % self._keep_each == 0:
            self._kept.append((index, world))
        if self._progress is not None and index % TELL_EVERY == 0:
            self._progress(index)
        return index


def _scattered(kept: list[tuple[int, World]]) -> Iterator[tuple[int, World]]:
    """Yield every state once, in an order that is spread over all of them."""
    count = len(kept)
    stride = int(count * 0.618) or 1
    while gcd(stride, count) != 1:
        stride += 1
    for number in range(count):
        yield kept[number * stride % count]


class _Broken(Exception):
    def __init__(self, claim: str, index: int, move: Move) -> None:
        super().__init__(claim)
        self.claim = claim
        self.index = index
        self.move = move
