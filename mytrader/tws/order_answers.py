"""What a server says about orders and executions: one struct per message, in wire order."""

from decimal import Decimal
from typing import ClassVar, Literal

from mytrader.tws.contracts import OrderContract
from mytrader.tws.fields import UNSET_DOUBLE_TEXT as UNSET_TEXT
from mytrader.tws.fields import Message


class OrderStatus(Message, frozen=True):
    """Where an order stands. Prices are index points, 0 when there is none."""

    ID = 3
    order_id: int
    status: str
    filled: Decimal
    remaining: Decimal
    average_fill_price: Decimal
    perm_id: int
    parent_id: int
    last_fill_price: Decimal
    client_id: int
    why_held: str = ""
    market_cap_price: Decimal = Decimal(0)


class OpenOrder(Message, frozen=True):
    """An order as the server holds it: 127 fields for an outright contract.

    The `Literal` fields are those whose other values insert further fields.
    """

    ID = 5
    order_id: int
    contract: OrderContract
    action: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    aux_price: Decimal | None
    tif: str
    oca_group: str
    account: str
    open_close: str
    origin: int
    order_ref: str
    client_id: int
    perm_id: int
    outside_rth: bool
    hidden: bool = False
    discretionary_amount: str = "0"
    good_after_time: str = ""
    shares_allocation: str = ""
    fa_group: str = ""
    fa_method: str = ""
    fa_percentage: str = ""
    model_code: str = ""
    good_till_date: str = ""
    rule_80a: str = ""
    percent_offset: str = ""
    settling_firm: str = ""
    short_sale_slot: str = "0"
    designated_location: str = ""
    exempt_code: str = "-1"
    auction_strategy: str = "0"
    starting_price: str = ""
    stock_reference_price: str = ""
    delta: str = ""
    stock_range_lower: str = ""
    stock_range_upper: str = ""
    display_size: str = "2147483647"
    block_order: bool = False
    sweep_to_fill: bool = False
    all_or_none: bool = False
    min_quantity: int | None = None
    oca_type: int = 3
    electronic_trade_only: str = "0"
    firm_quote_only: str = "0"
    nbbo_price_cap: str = ""
    parent_id: int = 0
    trigger_method: int = 0
    volatility: str = ""
    volatility_type: str = "0"
    delta_neutral_order_type: Literal[""] = ""
    delta_neutral_aux_price: str = ""
    continuous_update: str = "0"
    reference_price_type: str = "0"
    trail_stop_price: str = ""
    trailing_percent: str = ""
    basis_points: str = ""
    basis_points_type: str = ""
    combo_legs_description: str = ""
    combo_legs: Literal[0] = 0
    order_combo_legs: Literal[0] = 0
    smart_combo_routing_parameters: Literal[0] = 0
    scale_init_level_size: str = ""
    scale_subs_level_size: str = ""
    scale_price_increment: Literal[""] = ""
    hedge_type: Literal[""] = ""
    opt_out_smart_routing: str = "0"
    clearing_account: str = ""
    clearing_intent: str = "IB"
    not_held: str = "0"
    delta_neutral_contract: Literal[0] = 0
    algo_strategy: Literal[""] = ""
    solicited: str = "0"
    what_if: bool = False
    status: str = ""
    init_margin_before: str = UNSET_TEXT
    maint_margin_before: str = UNSET_TEXT
    equity_with_loan_before: str = UNSET_TEXT
    init_margin_change: str = UNSET_TEXT
    maint_margin_change: str = UNSET_TEXT
    equity_with_loan_change: str = UNSET_TEXT
    init_margin_after: str = UNSET_TEXT
    maint_margin_after: str = UNSET_TEXT
    equity_with_loan_after: str = UNSET_TEXT
    commission: str = ""
    min_commission: str = ""
    max_commission: str = ""
    commission_currency: str = ""
    warning_text: str = ""
    randomize_size: str = "0"
    randomize_price: str = "0"
    conditions: Literal[0] = 0
    adjusted_order_type: str = "None"
    trigger_price: str = ""
    trail_stop_price_again: str = ""
    limit_price_offset: str = ""
    adjusted_stop_price: str = ""
    adjusted_stop_limit_price: str = ""
    adjusted_trailing_amount: str = ""
    adjustable_trailing_unit: str = "0"
    soft_dollar_tier_name: str = ""
    soft_dollar_tier_value: str = ""
    soft_dollar_tier_display_name: str = ""
    cash_quantity: str = "0"
    dont_use_auto_price_for_hedge: str = "0"
    is_oms_container: str = "0"
    discretionary_up_to_limit_price: str = "0"
    use_price_management_algo: str = "0"
    duration: str = ""
    post_to_ats: str = ""
    auto_cancel_parent: str = "0"
    min_trade_quantity: str = ""
    min_compete_size: str = ""
    compete_against_best_offset: str = ""
    mid_offset_at_whole: str = ""
    mid_offset_at_half: str = ""


class OpenOrderEnd(Message, frozen=True):
    """The end of the open orders."""

    ID = 53
    VERSION: ClassVar[int | None] = 1


class ExecutionDetails(Message, frozen=True):
    """One fill. `req_id` is -1 for a live one; `side` is BOT or SLD; `liquidity` 1 added."""

    ID = 11
    req_id: int
    order_id: int
    contract: OrderContract
    exec_id: str
    time: str
    account: str
    exec_exchange: str
    side: str
    shares: Decimal
    price: Decimal
    perm_id: int
    client_id: int
    liquidation: int
    cumulative_quantity: Decimal
    average_price: Decimal
    order_ref: str
    ev_rule: str = ""
    ev_multiplier: str = ""
    model_code: str = ""
    liquidity: int = 0
    pending_price_revision: bool = False


class ExecutionsEnd(Message, frozen=True):
    """The end of an answer about executions."""

    ID = 55
    VERSION: ClassVar[int | None] = 1
    req_id: int


class CommissionReport(Message, frozen=True):
    """What one execution cost; `realized_pnl` is None for an execution that opened."""

    ID = 59
    VERSION: ClassVar[int | None] = 1
    exec_id: str
    commission: Decimal
    currency: str
    realized_pnl: Decimal | None
    yield_rate: Decimal | None = None
    yield_redemption_date: str = ""


class CompletedOrder(Message, frozen=True):
    """An order that is over. It has no order id and no client id."""

    ID = 101
    contract: OrderContract
    action: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    aux_price: Decimal | None
    tif: str
    oca_group: str
    account: str
    open_close: str
    origin: int
    order_ref: str
    perm_id: int
    outside_rth: bool
    hidden: bool = False
    discretionary_amount: str = "0"
    good_after_time: str = ""
    fa_group: str = ""
    fa_method: str = ""
    fa_percentage: str = ""
    model_code: str = ""
    good_till_date: str = ""
    rule_80a: str = ""
    percent_offset: str = ""
    settling_firm: str = ""
    short_sale_slot: str = "0"
    designated_location: str = ""
    exempt_code: str = "-1"
    starting_price: str = ""
    stock_reference_price: str = ""
    delta: str = ""
    stock_range_lower: str = ""
    stock_range_upper: str = ""
    display_size: str = "2147483647"
    sweep_to_fill: bool = False
    all_or_none: bool = False
    min_quantity: int | None = None
    oca_type: int = 3
    trigger_method: int = 0
    volatility: str = ""
    volatility_type: str = "0"
    delta_neutral_order_type: Literal[""] = ""
    delta_neutral_aux_price: str = ""
    continuous_update: str = "0"
    reference_price_type: str = "0"
    trail_stop_price: str = ""
    trailing_percent: str = ""
    combo_legs_description: str = ""
    combo_legs: Literal[0] = 0
    order_combo_legs: Literal[0] = 0
    smart_combo_routing_parameters: Literal[0] = 0
    scale_init_level_size: str = ""
    scale_subs_level_size: str = ""
    scale_price_increment: Literal[""] = ""
    hedge_type: Literal[""] = ""
    clearing_account: str = ""
    clearing_intent: str = "IB"
    not_held: str = "0"
    delta_neutral_contract: Literal[0] = 0
    algo_strategy: Literal[""] = ""
    solicited: str = "0"
    status: str = ""
    randomize_size: str = "0"
    randomize_price: str = "0"
    conditions: Literal[0] = 0
    trail_stop_price_again: str = ""
    limit_price_offset: str = ""
    cash_quantity: str = "0"
    dont_use_auto_price_for_hedge: str = "0"
    is_oms_container: str = "0"
    auto_cancel_date: str = ""
    filled_quantity: Decimal = Decimal(0)
    reference_futures_con_id: str = "0"
    auto_cancel_parent: str = "0"
    shareholder: str = ""
    imbalance_only: str = "0"
    route_marketable_to_bbo: str = "0"
    parent_perm_id: int = 0
    completed_time: str = ""
    completed_status: str = ""
    min_trade_quantity: str = ""
    min_compete_size: str = ""
    compete_against_best_offset: str = ""
    mid_offset_at_whole: str = ""
    mid_offset_at_half: str = ""


class CompletedOrdersEnd(Message, frozen=True):
    """The end of the completed orders."""

    ID = 102


class OrderBound(Message, frozen=True):
    """An order that was placed by hand now has an id of client 0. Clients ignore it."""

    ID = 100
    perm_id: int
    client_id: int
    order_id: int
