"""Any rules that a file could hold, on a busy desk: the gateway outlives them all."""

import random
from typing import Any, Final, get_args

import pytest
from msgspec import structs

from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.simulator.fault_edits import field_types
from mytrader.simulator.fault_files import _MESSAGES, _check
from mytrader.simulator.fault_rules import SESSION_EFFECTS, AnyEffect, Effect, Match, Rule, When
from mytrader.simulator.faults import Faults, StopHome
from tests.test_simulator_fault_catalogue import MARKET, _busy
from tests.virtual_desk import Desk, run_desk, ticks

EFFECTS: Final[tuple[type[Effect], ...]] = get_args(AnyEffect)
BUSY: Final = ("PlaceOrder", "OpenOrder", "OrderStatus", "ExecutionDetails", "TickPrice")
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    **dict.fromkeys(("ms", "after_ms", "spread_ms"), (0, 1, 50, 700, 3000)),
    "seconds": (0, 0.5, 5, 30),
    **dict.fromkeys(("times", "size", "quantity"), (1, 2, 5)),
    "code": (100, 103, 110, 201, 202, 321, 399, 10148, 10349, 1100, 2104),
    **dict.fromkeys(("carry_out", "close", "data_kept", "night", "told"), (False, True)),
    "ticks": (-3, 1, 40),
    "side": tuple(Side),
}
TEXTS: Final = ("0", "1", "-1", "5", "true", "x", "", "999999999")


def _draw(chance: random.Random) -> Rule:
    kind = chance.choice(EFFECTS)
    alone = issubclass(kind, SESSION_EFFECTS) and chance.random() < 0.5
    name = chance.choice((*_MESSAGES, "Connect", *BUSY * 4))
    fields: dict[str, Any] = {}
    for field in structs.fields(kind):
        if field.name in VALUES:
            fields[field.name] = chance.choice(VALUES[field.name])
        elif field.name in ("set", "add"):
            names = list(field_types(_MESSAGES[name])) if name in _MESSAGES else []
            fields[field.name] = {chance.choice(names): chance.choice(TEXTS)} if names else {}
    when = When(
        after_s=chance.choice((0, 5, 30)),
        chance=chance.choice((1, 0.3, 0.05)),
        skip=chance.choice((0, 0, 3)),
        times=chance.choice((None, 1, 5)),
        every_s=chance.choice((None, 5, 40)) if alone else None,
    )
    return Rule(kind(**fields), when=when, match=None if alone else Match(name))  # type: ignore[arg-type]  # every subclass is one of the union


def _rules(chance: random.Random, count: int) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    while len(rules) < count:
        rule = _draw(chance)
        try:
            _check(rule, "drawn")
        except BadInput:
            continue
        rules.append(rule)
    return tuple(rules)


@pytest.mark.parametrize("seed", range(18))
def test_the_gateway_outlives_any_rules(seed: int) -> None:
    chance = random.Random(f"rules {seed}")  # noqa: S311 - repeatable is the point
    faults = Faults(
        rules=_rules(chance, 8),
        children_work_for_part=chance.random() < 0.5,
        stops=chance.choice(list(StopHome)),
        queue_ahead=chance.choice((None, 0, 20)),
        cancels_wait_for_open=chance.random() < 0.5,
        inactive_rejections=chance.random() < 0.5,
    )
    errors: list[dict[str, Any]] = []

    async def scenario(desk: Desk) -> None:
        desk.loop.set_exception_handler(lambda _loop, context: errors.append(context))
        await _busy(desk)

    run_desk(scenario, ticks(MARKET), faults=faults)
    assert errors == [], faults.rules
