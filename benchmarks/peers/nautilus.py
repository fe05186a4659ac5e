"""The risk check of nautilus_trader 1.221.0, where that engine is installed: one order, once.

It is no requirement of this project: `pip install nautilus_trader==1.221.0` shows its figures.
Each call gives its `RiskEngine` the same `SubmitOrder` for one lot of ES. With a margin account
it looks at price and quantity alone; with a cash account it also weighs the order's notional
against the free balance. It knows no brackets, sessions, quotes or losses of the day.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

INSTALLED: Final = find_spec("nautilus_trader") is not None
ENDPOINTS: Final = ("ExecEngine.execute", "ExecEngine.process")
RATE_THAT_NEVER_THROTTLES: Final = "100000000/00:00:01"


def _named(module: str, name: str) -> Any:  # noqa: ANN401 - the library may be absent
    return getattr(import_module(f"nautilus_trader.{module}"), name)


def check(account: str) -> Callable[[], object]:
    """Return one risk check with a `margin` or a `cash` account.

    Raises `SystemExit` if the engine does not let the sample pass.
    """
    clock = _named("common.component", "TestClock")()
    trader_id = _named("test_kit.stubs.identifiers", "TestIdStubs").trader_id()
    bus = _named("common.component", "MessageBus")(trader_id=trader_id, clock=clock)
    cache = _named("cache.cache", "Cache")()
    engine = _named("risk.engine", "RiskEngine")(
        portfolio=_named("portfolio.portfolio", "Portfolio")(bus, cache, clock),
        msgbus=bus,
        cache=cache,
        clock=clock,
        config=_named("risk.config", "RiskEngineConfig")(
            max_order_submit_rate=RATE_THAT_NEVER_THROTTLES
        ),
    )
    future = _named("test_kit.providers", "TestInstrumentProvider").es_future(2025, 12)
    cache.add_instrument(future)
    cache.add_account(_account(account, venue=str(future.id.venue)))
    passed: list[object] = []
    for endpoint in ENDPOINTS:
        bus.register(endpoint=endpoint, handler=passed.append)
    engine.start()
    command = _command(future, trader_id, clock=clock)
    engine.execute(command)
    if passed != [command]:
        raise SystemExit(f"nautilus_trader refuses the sample: {passed}")
    return lambda: engine.execute(command)


def _account(kind: str, *, venue: str) -> object:
    """Return an account with a million dollars."""
    stubs = _named("test_kit.stubs.events", "TestEventStubs")
    account_id = _named("model.identifiers", "AccountId")(f"{venue}-001")
    state = getattr(stubs, f"{kind}_account_state")(account_id=account_id)
    return _named("accounting.factory", "AccountFactory").create(state)


def _command(future: Any, trader_id: object, *, clock: object) -> object:  # noqa: ANN401 - likewise
    """Return the order to buy one lot at a limit."""
    strategy_id = _named("model.identifiers", "StrategyId")("S-001")
    orders = _named("common.factories", "OrderFactory")(trader_id, strategy_id, clock)
    objects, sides = "model.objects", _named("model.enums", "OrderSide")
    one = _named(objects, "Quantity").from_int(1)
    order = orders.limit(future.id, sides.BUY, one, _named(objects, "Price").from_str("6700.00"))
    return _named("execution.messages", "SubmitOrder")(
        trader_id=trader_id,
        strategy_id=strategy_id,
        position_id=None,
        order=order,
        command_id=_named("core.uuid", "UUID4")(),
        ts_init=0,
    )
