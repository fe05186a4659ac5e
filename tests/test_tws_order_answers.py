"""Orders and executions with a different value in every field, read by the real client."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from mytrader.tws import order_answers
from mytrader.tws.codec import decode_answer, encode, split
from mytrader.tws.contracts import OrderContract
from mytrader.tws.fields import Message
from mytrader.tws.frames import LENGTH_BYTES
from tests.real_client import message_fields, what_the_client_reads

D = Decimal
CONTRACT = OrderContract(600, "ES", "FUT", "20251219", "0", "?", "50", "CME", "USD", "ESZ5", "ESX")
STATUS = order_answers.OrderStatus(
    1, "Submitted", D(2), D(3), D("4.25"), 5, 6, D("7.5"), 8, "child", D(9)
)
EXECUTION = order_answers.ExecutionDetails(
    req_id=-1,
    order_id=2,
    contract=CONTRACT,
    exec_id="0000e0d5.6571a2b3.01.01",
    time="20251212 09:30:00 US/Central",
    account="DU1",
    exec_exchange="CME",
    side="BOT",
    shares=D(3),
    price=D("6850.25"),
    perm_id=4,
    client_id=5,
    liquidation=6,
    cumulative_quantity=D(7),
    average_price=D("8.5"),
    order_ref="ref",
    ev_rule="rule",
    ev_multiplier="9.5",
    model_code="model",
    liquidity=2,
    pending_price_revision=True,
)
COMMISSION = order_answers.CommissionReport(
    "0000e0d5.6571a2b3.01.01", D("2.4"), "USD", D("-10.5"), D(3), "20251212"
)


def _distinct(message: type[Message], required: dict[str, Any]) -> Any:  # noqa: ANN401 - either
    """Return a message whose free text fields all hold another number."""
    values = dict(required)
    for number, field in enumerate(structs.fields(message)):
        if field.name not in values and field.type is str:
            values[field.name] = str(number + 1000)
        elif field.name not in values and field.type is int:
            values[field.name] = number + 1000
    return message(**values)


ORDER_FIELDS: dict[str, Any] = {
    "contract": CONTRACT,
    "action": "SELL",
    "quantity": D(3),
    "order_type": "STP LMT",
    "limit_price": D("6840.25"),
    "aux_price": D("6842.5"),
    "outside_rth": True,
    "min_quantity": 17,
}
# The real client converts flags itself: they must be 0 or 1.
FLAGS = {
    "opt_out_smart_routing": "1",
    "not_held": "1",
    "solicited": "0",
    "randomize_size": "1",
    "randomize_price": "0",
    "electronic_trade_only": "0",
    "firm_quote_only": "0",
    "continuous_update": "1",
    "dont_use_auto_price_for_hedge": "1",
    "is_oms_container": "0",
    "discretionary_up_to_limit_price": "1",
    "use_price_management_algo": "1",
    "auto_cancel_parent": "1",
    "post_to_ats": "12",
    "imbalance_only": "1",
    "route_marketable_to_bbo": "0",
}


def _named(message: type[Message], values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in structs.fields(message)}
    return {name: value for name, value in values.items() if name in names}


OPEN: order_answers.OpenOrder = _distinct(
    order_answers.OpenOrder,
    _named(order_answers.OpenOrder, {**ORDER_FIELDS, **FLAGS, "block_order": True}),
)
COMPLETED: order_answers.CompletedOrder = _distinct(
    order_answers.CompletedOrder,
    _named(
        order_answers.CompletedOrder,
        {**ORDER_FIELDS, **FLAGS, "filled_quantity": D(2), "all_or_none": True},
    ),
)

# Attribute of the real client's order: attribute of our message.
ORDER_ATTRIBUTES = {
    "action": "action",
    "totalQuantity": "quantity",
    "orderType": "order_type",
    "lmtPrice": "limit_price",
    "auxPrice": "aux_price",
    "tif": "tif",
    "ocaGroup": "oca_group",
    "account": "account",
    "openClose": "open_close",
    "origin": "origin",
    "orderRef": "order_ref",
    "permId": "perm_id",
    "outsideRth": "outside_rth",
    "hidden": "hidden",
    "discretionaryAmt": "discretionary_amount",
    "goodAfterTime": "good_after_time",
    "faGroup": "fa_group",
    "modelCode": "model_code",
    "goodTillDate": "good_till_date",
    "rule80A": "rule_80a",
    "percentOffset": "percent_offset",
    "settlingFirm": "settling_firm",
    "shortSaleSlot": "short_sale_slot",
    "designatedLocation": "designated_location",
    "exemptCode": "exempt_code",
    "startingPrice": "starting_price",
    "stockRefPrice": "stock_reference_price",
    "delta": "delta",
    "stockRangeLower": "stock_range_lower",
    "stockRangeUpper": "stock_range_upper",
    "displaySize": "display_size",
    "sweepToFill": "sweep_to_fill",
    "allOrNone": "all_or_none",
    "minQty": "min_quantity",
    "ocaType": "oca_type",
    "triggerMethod": "trigger_method",
    "volatility": "volatility",
    "volatilityType": "volatility_type",
    "deltaNeutralAuxPrice": "delta_neutral_aux_price",
    "continuousUpdate": "continuous_update",
    "referencePriceType": "reference_price_type",
    "trailStopPrice": "trail_stop_price_again",
    "trailingPercent": "trailing_percent",
    "scaleInitLevelSize": "scale_init_level_size",
    "scaleSubsLevelSize": "scale_subs_level_size",
    "clearingAccount": "clearing_account",
    "clearingIntent": "clearing_intent",
    "notHeld": "not_held",
    "solicited": "solicited",
    "randomizeSize": "randomize_size",
    "randomizePrice": "randomize_price",
    "lmtPriceOffset": "limit_price_offset",
    "cashQty": "cash_quantity",
    "dontUseAutoPriceForHedge": "dont_use_auto_price_for_hedge",
    "isOmsContainer": "is_oms_container",
    "autoCancelParent": "auto_cancel_parent",
    "minTradeQty": "min_trade_quantity",
    "minCompeteSize": "min_compete_size",
    "competeAgainstBestOffset": "compete_against_best_offset",
    "midOffsetAtWhole": "mid_offset_at_whole",
    "midOffsetAtHalf": "mid_offset_at_half",
}
OPEN_ATTRIBUTES = {
    "orderId": "order_id",
    "clientId": "client_id",
    "parentId": "parent_id",
    "blockOrder": "block_order",
    "auctionStrategy": "auction_strategy",
    "nbboPriceCap": "nbbo_price_cap",
    "basisPoints": "basis_points",
    "basisPointsType": "basis_points_type",
    "optOutSmartRouting": "opt_out_smart_routing",
    "adjustedOrderType": "adjusted_order_type",
    "triggerPrice": "trigger_price",
    "adjustedStopPrice": "adjusted_stop_price",
    "adjustedStopLimitPrice": "adjusted_stop_limit_price",
    "adjustedTrailingAmount": "adjusted_trailing_amount",
    "adjustableTrailingUnit": "adjustable_trailing_unit",
    "discretionaryUpToLimitPrice": "discretionary_up_to_limit_price",
    "usePriceMgmtAlgo": "use_price_management_algo",
    "duration": "duration",
    "postToAts": "post_to_ats",
}
COMPLETED_ATTRIBUTES = {
    "autoCancelDate": "auto_cancel_date",
    "filledQuantity": "filled_quantity",
    "refFuturesConId": "reference_futures_con_id",
    "shareholder": "shareholder",
    "imbalanceOnly": "imbalance_only",
    "routeMarketableToBbo": "route_marketable_to_bbo",
    "parentPermId": "parent_perm_id",
}


def _same(theirs: Any, ours: Any) -> bool:  # noqa: ANN401 - any type of field
    if isinstance(theirs, bool) or theirs is None:
        return bool(theirs) == (ours in ("1", True))
    if isinstance(theirs, int | float):
        return float(theirs) == float(ours)
    return bool(theirs == ours)


def _differences(order: Any, message: Message, *, attributes: dict[str, str]) -> list[str]:  # noqa: ANN401 - untyped client
    ours = message_fields(message)
    return [
        f"{theirs}: {getattr(order, theirs)!r} is not {ours[name]!r}"
        for theirs, name in attributes.items()
        if not _same(getattr(order, theirs), ours[name])
    ]


def test_real_client_reads_every_field_of_an_open_order() -> None:
    frame = encode(OPEN)
    assert len(split(frame[LENGTH_BYTES:])) == 127
    ((method, (order_id, contract, order, state)),) = what_the_client_reads(frame)
    assert (method, order_id) == ("openOrder", OPEN.order_id)
    assert _differences(order, OPEN, attributes=ORDER_ATTRIBUTES | OPEN_ATTRIBUTES) == []
    assert (contract.conId, contract.tradingClass) == (600, "ESX")
    assert (state.status, state.commission) == (OPEN.status, float(OPEN.commission))
    assert (state.initMarginChange, state.warningText) == (
        OPEN.init_margin_change,
        OPEN.warning_text,
    )


def test_real_client_reads_every_field_of_a_completed_order() -> None:
    ((method, (contract, order, state)),) = what_the_client_reads(encode(COMPLETED))
    assert method == "completedOrder"
    assert _differences(order, COMPLETED, attributes=ORDER_ATTRIBUTES | COMPLETED_ATTRIBUTES) == []
    assert contract.localSymbol == "ESZ5"
    assert (state.status, state.completedTime, state.completedStatus) == (
        COMPLETED.status,
        COMPLETED.completed_time,
        COMPLETED.completed_status,
    )


def test_real_client_reads_an_order_status() -> None:
    ((method, arguments),) = what_the_client_reads(encode(STATUS))
    assert method == "orderStatus"
    assert arguments == (1, "Submitted", 2, 3, 4.25, 5, 6, 7.5, 8, "child", 9)


def test_real_client_reads_an_execution() -> None:
    ((method, (req_id, contract, execution)),) = what_the_client_reads(encode(EXECUTION))
    assert (method, req_id, contract.conId) == ("execDetails", -1, 600)
    assert (execution.orderId, execution.execId) == (2, "0000e0d5.6571a2b3.01.01")
    assert execution.time.timestamp() == 1765553400
    assert (execution.acctNumber, execution.exchange, execution.side) == ("DU1", "CME", "BOT")
    assert (execution.shares, execution.price, execution.permId) == (3, 6850.25, 4)
    assert (execution.clientId, execution.liquidation, execution.cumQty) == (5, 6, 7)
    assert (execution.avgPrice, execution.orderRef, execution.evRule) == (8.5, "ref", "rule")
    assert (execution.evMultiplier, execution.modelCode) == (9.5, "model")
    assert (execution.lastLiquidity, execution.pendingPriceRevision) == (2, True)


def test_real_client_reads_a_commission() -> None:
    ((method, (report,)),) = what_the_client_reads(encode(COMMISSION))
    assert method == "commissionReport"
    assert (report.execId, report.commission, report.currency) == (
        "0000e0d5.6571a2b3.01.01",
        2.4,
        "USD",
    )
    assert (report.realizedPNL, report.yield_, report.yieldRedemptionDate) == (-10.5, 3, 20251212)


@pytest.mark.parametrize(
    ("message", "method", "arguments"),
    [
        (order_answers.OpenOrderEnd(), "openOrderEnd", ()),
        (order_answers.ExecutionsEnd(9), "execDetailsEnd", (9,)),
        (order_answers.CompletedOrdersEnd(), "completedOrdersEnd", ()),
    ],
    ids=["open", "executions", "completed"],
)
def test_real_client_reads_the_end_of_an_answer(
    message: Message, method: str, arguments: tuple[Any, ...]
) -> None:
    assert what_the_client_reads(encode(message)) == [(method, arguments)]
    assert decode_answer(encode(message)[LENGTH_BYTES:]) == message


@pytest.mark.parametrize(
    "message",
    [OPEN, COMPLETED, STATUS, EXECUTION, COMMISSION],
    ids=lambda message: type(message).__name__,
)
def test_order_answer_round_trips(message: Message) -> None:
    assert decode_answer(encode(message)[LENGTH_BYTES:]) == message
