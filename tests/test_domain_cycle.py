"""A trade cycle's profit and position come from its own fills and from nothing else."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.cycle import Phase
from mytrader.domain.orders import Role, Side, TrackedOrder
from tests.domain_samples import a_cycle, a_fill, an_order


@pytest.mark.parametrize("phase", Phase)
def test_three_phases_are_final(phase: Phase) -> None:
    """A halted cycle waits for a person, so it is not over."""
    assert phase.final == (phase in {Phase.REFUSED, Phase.ABORTED, Phase.CLOSED})


def test_position_is_the_signed_sum_of_fills() -> None:
    """Two bought and one sold leave one long; nothing filled leaves nothing."""
    bought = a_fill(Side.BUY, 27_200, quantity=2)
    assert a_cycle().position == 0
    assert a_cycle(bought, a_fill(Side.SELL, 27_210)).position == 1


def test_gross_profit_of_a_flat_cycle_is_what_it_sold_for_less_what_it_paid() -> None:
    """Long from 27200 to 27240 in one contract, and to 27190 in the other: 30 ticks."""
    fills = (a_fill(Side.BUY, 27_200, quantity=2), a_fill(Side.SELL, 27_240))
    assert a_cycle(*fills, a_fill(Side.SELL, 27_190)).gross_ticks == 30


def test_a_short_that_is_bought_back_higher_lost() -> None:
    """The sign of profit does not depend on which side came first."""
    assert a_cycle(a_fill(Side.SELL, 100), a_fill(Side.BUY, 104)).gross_ticks == -4


def test_commission_is_exact() -> None:
    """Dollars are decimal: ten times 0.62 is 6.20 and not nearly so."""
    cycle = a_cycle()
    charged = replace(cycle, commissions_usd={f"{n}.01": Decimal("0.62") for n in range(10)})
    assert (cycle.commission_usd, charged.commission_usd) == (Decimal(0), Decimal("6.20"))


def test_orders_are_found_by_role_oldest_first() -> None:
    """An exit looks for the stop and the emergency stop together."""
    specs = [an_order(Role.STOP), an_order(Role.EXIT), an_order(Role.EMERGENCY)]
    cycle = replace(a_cycle(), orders={spec.ref: TrackedOrder(spec) for spec in specs})
    found = [order.spec.role for order in cycle.of_role(Role.EMERGENCY, Role.STOP)]
    assert found == [Role.STOP, Role.EMERGENCY]
