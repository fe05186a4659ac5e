"""What rests at the broker, and what of it covers."""

from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.execution.trade_cycle import step
from mytrader.proof.ledger import Ledger
from mytrader.proof.moves import start


def test_a_group_covers_once_and_loose_stops_add_up() -> None:
    bracket = start(Profile.BRACKET, root="open", lots=2, faults=0, step=step).ledger
    strict = start(Profile.STRICT, root="open", lots=2, faults=0, step=step).ledger
    assert (bracket.stops, strict.stops) == (2, 2)
    stop = next(o for o in bracket.orders.values() if o.spec.ref.endswith("S1"))
    again = replace(stop, spec=replace(stop.spec, ref=stop.spec.ref[:30] + "M1"))
    assert bracket.put(again).stops == 2


def test_a_ledger_is_a_value() -> None:
    ledger = Ledger()
    assert ledger.say((), ()).outbox == ((), ())
    assert ledger.outbox == ()


def test_families_and_groups() -> None:
    ledger = start(Profile.BRACKET, root="entering", lots=2, faults=0, step=step).ledger
    entry = next(o for o in ledger.orders.values() if o.spec.ref.endswith("E2"))
    names = [order.spec.ref[30:] for order in ledger.family_of(entry)]
    assert names == ["T2", "S2"]
    target = next(o for o in ledger.orders.values() if o.spec.ref.endswith("T1"))
    assert [order.spec.ref[30:] for order in ledger.group_of(target)] == ["S1"]
    assert ledger.group_of(entry) == []
