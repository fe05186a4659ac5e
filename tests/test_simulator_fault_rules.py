"""Rules as YAML would hold them."""

import msgspec
import pytest

from mytrader.simulator.fault_rules import SESSION_EFFECTS, Drop, LoseLink, Rule, When


def test_a_rule_needs_no_more_than_an_effect() -> None:
    rule = msgspec.convert({"effect": {"do": "lose_link", "seconds": 5}}, Rule)
    assert rule == Rule(LoseLink(5))
    assert rule.when == When()
    assert isinstance(rule.effect, SESSION_EFFECTS)
    assert not isinstance(Drop(), SESSION_EFFECTS)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"effect": {"do": "drop", "ms": 5}},
        {"effect": {"do": "delay", "ms": -5}},
        {"effect": {"do": "drop"}, "when": {"chance": 1.5}},
        {"effect": {"do": "drop"}, "when": {"every_s": 0}},
        {"effect": {"do": "drop"}, "match": {}},
        {"effect": {"do": "drop"}, "unknown": 1},
    ],
)
def test_a_rule_is_read_strictly(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Rule)
