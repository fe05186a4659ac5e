"""Options mean the same wherever they are offered."""

from typing import get_args

from mytrader import cli_options


def test_every_shared_option_says_what_it_is_for() -> None:
    shared = [kind for kind in vars(cli_options).values() if get_args(kind)]
    told = [part for kind in shared for part in get_args(kind) if hasattr(part, "help")]
    assert len(told) == len(shared) >= 10
    assert all(part.help for part in told)
