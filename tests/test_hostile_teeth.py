"""A judge that cannot fail proves nothing: faults of our own are found within few hours.

`python -m tests.planted 1..10` prints in how many of ten hours each is found.
"""

import pytest

from tests.planted import PLANTS, hunt

AS_WHAT = {
    "advice is decoration": {"I7"},
    "writes later": {"I4", "I9"},
    "sends twice": {"I3", "I4"},
    "rounds the stop": {"I4"},
    "forgets the parent": {"I4"},
    "forgets the stop": {"I4"},
}
"""Those that any hour shows, and what they are found as."""


@pytest.mark.slow
@pytest.mark.parametrize("name", AS_WHAT)
def test_a_planted_fault_is_found(name: str) -> None:
    found = hunt(PLANTS[name], range(4, 9), enough=1)
    assert set(found.invariants) <= AS_WHAT[name], found
    assert found.found == 1, found
