"""The message that places an order or, with the id of a live one, changes it."""

from decimal import Decimal
from typing import Literal

from mytrader.tws.contracts import WireContract
from mytrader.tws.fields import Message


class PlaceOrder(Message, frozen=True):
    """An order for one outright contract: 114 fields.

    Prices are index points and `None` is "not set"; for a stop-limit `aux_price` is the stop.
    The fields from `discretionary_amount` on are carried as text: this project sends them with
    their defaults. The `Literal` fields are those whose other values insert further fields
    (combinations, hedges, scales, algorithms, conditions); such orders do not fit this message.
    """

    ID = 3
    order_id: int
    contract: WireContract
    sec_id_type: str = ""
    sec_id: str = ""
    action: str = ""
    quantity: Decimal = Decimal(0)
    order_type: str = ""
    limit_price: Decimal | None = None
    aux_price: Decimal | None = None
    tif: str = ""
    oca_group: str = ""
    account: str = ""
    open_close: str = "O"
    origin: int = 0
    order_ref: str = ""
    transmit: bool = True
    parent_id: int = 0
    block_order: bool = False
    sweep_to_fill: bool = False
    display_size: str = "0"
    trigger_method: int = 0
    outside_rth: bool = False
    hidden: bool = False
    shares_allocation: Literal[""] = ""
    discretionary_amount: str = "0.0"
    good_after_time: str = ""
    good_till_date: str = ""
    fa_group: str = ""
    fa_method: str = ""
    fa_percentage: str = ""
    model_code: str = ""
    short_sale_slot: str = "0"
    designated_location: str = ""
    exempt_code: str = "-1"
    oca_type: int = 0
    rule_80a: str = ""
    settling_firm: str = ""
    all_or_none: bool = False
    min_quantity: int | None = None
    percent_offset: str = ""
    electronic_trade_only: str = "0"
    firm_quote_only: str = "0"
    nbbo_price_cap: str = ""
    auction_strategy: str = "0"
    starting_price: str = ""
    stock_reference_price: str = ""
    delta: str = ""
    stock_range_lower: str = ""
    stock_range_upper: str = ""
    override_percentage_constraints: str = "0"
    volatility: str = ""
    volatility_type: str = ""
    delta_neutral_order_type: Literal[""] = ""
    delta_neutral_aux_price: str = ""
    continuous_update: str = "0"
    reference_price_type: str = ""
    trail_stop_price: str = ""
    trailing_percent: str = ""
    scale_init_level_size: str = ""
    scale_subs_level_size: str = ""
    scale_price_increment: Literal[""] = ""
    scale_table: str = ""
    active_start_time: str = ""
    active_stop_time: str = ""
    hedge_type: Literal[""] = ""
    opt_out_smart_routing: str = "0"
    clearing_account: str = ""
    clearing_intent: str = ""
    not_held: str = "0"
    delta_neutral_contract: Literal[0] = 0
    algo_strategy: Literal[""] = ""
    algo_id: str = ""
    what_if: bool = False
    misc_options: str = ""
    solicited: str = "0"
    randomize_size: str = "0"
    randomize_price: str = "0"
    conditions: Literal[0] = 0
    adjusted_order_type: str = ""
    trigger_price: Decimal | None = None
    limit_price_offset: Decimal | None = None
    adjusted_stop_price: Decimal | None = None
    adjusted_stop_limit_price: Decimal | None = None
    adjusted_trailing_amount: Decimal | None = None
    adjustable_trailing_unit: str = "0"
    ext_operator: str = ""
    soft_dollar_tier_name: str = ""
    soft_dollar_tier_value: str = ""
    cash_quantity: Decimal | None = None
    mifid2_decision_maker: str = ""
    mifid2_decision_algo: str = ""
    mifid2_execution_trader: str = ""
    mifid2_execution_algo: str = ""
    dont_use_auto_price_for_hedge: str = "0"
    is_oms_container: str = "0"
    discretionary_up_to_limit_price: str = "0"
    use_price_management_algo: str = "0"
    duration: str = ""
    post_to_ats: str = ""
    auto_cancel_parent: str = "0"
    advanced_error_override: str = ""
    manual_order_time: str = ""
