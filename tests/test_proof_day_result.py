"""A digest says whether two days were the same."""

from mytrader.proof.day_result import digest


def test_a_digest_depends_on_every_part_and_on_nothing_else() -> None:
    assert digest("a", [1, 2], {"x": 1, "b": 2}) == digest("a", [1, 2], {"b": 2, "x": 1})
    assert digest("a", [1, 2]) != digest("a", [2, 1])
