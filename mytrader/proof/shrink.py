"""A failing day made small: fewer faults, fewer people, as long as it fails in the same way.

A rule that is taken away stays in its place and never acts, because every rule draws from a
generator that knows its place. The day ends where it fails anyway; shortening it further would
change its market.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from mytrader.proof.day_script import Accidents, DayScript
from mytrader.simulator.fault_rules import Rule, When
from mytrader.simulator.faults import Faults

T = TypeVar("T")

Fails = Callable[[DayScript], bool]
"""Whether a day still fails in the way that is looked for."""

NEVER: Final = When(after_s=1_000_000)


def shrink(script: DayScript, fails: Fails, *, tries: int) -> DayScript:
    """Return a smaller day that fails; at most `tries` days are played."""
    budget = _Budget(fails, tries)
    script = _without_switches(script, budget)
    script = _without_people(script, budget)
    acting = [place for place, rule in enumerate(script.faults.rules) if rule.when != NEVER]
    needed = _fewest(acting, lambda kept: budget.fails(_with_rules(script, kept)))
    script = _with_rules(script, needed)
    moments = _fewest(
        script.moments, lambda kept: budget.fails(replace(script, moments=tuple(kept)))
    )
    return replace(script, moments=tuple(moments))


def acting_rules(script: DayScript) -> list[Rule]:
    """Return the rules of a day that were not taken away."""
    return [rule for rule in script.faults.rules if rule.when != NEVER]


class _Budget:
    def __init__(self, fails: Fails, tries: int) -> None:
        self._fails = fails
        self._left = tries

    def fails(self, script: DayScript) -> bool:
        """Whether a day fails; nothing does any more when the tries are used up."""
        if self._left <= 0:
            return False
        self._left -= 1
        return self._fails(script)


def _without_switches(script: DayScript, budget: _Budget) -> DayScript:
    plain = replace(script, faults=Faults(rules=script.faults.rules))
    return plain if plain != script and budget.fails(plain) else script


def _without_people(script: DayScript, budget: _Budget) -> DayScript:
    for smaller in (
        replace(script, accidents=Accidents(), moments=()),
        replace(script, accidents=Accidents()),
    ):
        if smaller != script and budget.fails(smaller):
            return smaller
    return script


def _with_rules(script: DayScript, kept: Sequence[int]) -> DayScript:
    places = set(kept)
    rules = tuple(
        rule if place in places else replace(rule, when=NEVER)
        for place, rule in enumerate(script.faults.rules)
    )
    return replace(script, faults=replace(script.faults, rules=rules))


def _fewest(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """Return few of `items` that fail still, by taking halves away, then quarters, then less."""
    kept = list(items)
    size = len(kept)
    while size:
        start = 0
        while start < len(kept):
            without = [*kept[:start], *kept[start + size :]]
            if fails(without):
                kept = without
            else:
                start += size
        size //= 2
    return kept
