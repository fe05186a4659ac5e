"""Errors name the party at fault, and an invariant holds under `python -O` too."""

import pytest

from mytrader import errors


def test_an_invariant_that_holds_says_nothing() -> None:
    """Its check stays on in production, so it has to be quiet."""
    errors.invariant(True, "one is one")


def test_a_broken_invariant_is_our_fault() -> None:
    """The loop halts new risk on our faults, and the claim says what was believed."""
    with pytest.raises(errors.OurFault, match="position is known"):
        errors.invariant(False, "position is known")


@pytest.mark.parametrize("kind", [errors.BadInput, errors.BrokerFault, errors.JournalFault])
def test_the_world_outside_is_not_our_fault(kind: type[errors.MytraderError]) -> None:
    """Whoever catches what others did wrong must not swallow what we did."""
    assert issubclass(kind, errors.TheirFault)
    assert not issubclass(kind, errors.OurFault)


def test_a_missing_package_is_never_asked_of_an_index_by_our_name() -> None:
    """Nobody of ours publishes there, so whoever does is somebody else."""
    said = str(errors.MissingExtra("aws_agents.enabled", "boto3", extra="aws"))
    assert said == (
        "aws_agents.enabled: boto3 is not installed: in the project's folder,"
        " .venv/bin/python -m pip install -e '.[aws]'"
    )
