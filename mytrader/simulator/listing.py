"""The contracts that can be traded, and how the wire describes them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import FuturesContract, Instrument
from mytrader.domain.session import EXCHANGE_ZONE, trading_date
from mytrader.simulator.exchange_days import TABLE, ExchangeDays
from mytrader.simulator.trading_hours import regular_bounds
from mytrader.tws.answers import ContractDetails, MarketRule, PriceIncrement
from mytrader.tws.contracts import OrderContract, WireContract

ZONE_NAME: Final = "US/Central"
"""The broker's name for the exchange's time zone."""

_QUARTERS: Final = {3: "H", 6: "M", 9: "U", 12: "Z"}
_ROLL_BEFORE_EXPIRY: Final = timedelta(days=4)
_CON_ID_BASES: Final = {
    "ES": 600_000_000,
    "MES": 700_000_000,
    "NQ": 620_000_000,
    "MNQ": 720_000_000,
}
_CON_ID_BASE_OTHER: Final = 800_000_000
_DAYS_LISTED: Final = 6
_FRIDAY: Final = 4


def front_month(instrument: Instrument, day: date) -> FuturesContract:
    """Return the quarterly contract that is traded most on `day`.

    It expires on the third Friday; volume moves on at the Monday before. The contract id is
    made up, and the same for the same expiry.
    """
    year, month = day.year, day.month
    while month not in _QUARTERS or day >= _third_friday(year, month) - _ROLL_BEFORE_EXPIRY:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    base = _CON_ID_BASES.get(instrument.symbol, _CON_ID_BASE_OTHER)
    return FuturesContract(
        con_id=base + year * 100 + month,
        instrument=instrument,
        local_symbol=f"{instrument.symbol}{_QUARTERS[month]}{year % 10}",
        expiry=_third_friday(year, month),
    )


def _third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_FRIDAY - first.weekday()) % 7 + 14)


class Listing:
    """The contracts of one simulated broker, and the days on which its exchange is open."""

    def __init__(self, contracts: Sequence[FuturesContract], days: ExchangeDays = TABLE) -> None:
        self.contracts = tuple(contracts)
        self.days = days
        self._by_con_id = {each.con_id: each for each in contracts}

    def contract(self, con_id: int) -> FuturesContract | None:
        """Return the contract with a number."""
        return self._by_con_id.get(con_id)

    def find(self, wanted: WireContract) -> list[FuturesContract]:
        """Return the contracts that fit every field that `wanted` gives."""
        return [each for each in self.contracts if _fits(each, wanted)]

    def market_rule(self, rule_id: int) -> MarketRule | None:
        """Return the price increments of a rule, `None` if no contract follows it."""
        for each in self.contracts:
            if each.instrument.market_rule_id == rule_id:
                return MarketRule(
                    rule_id, (PriceIncrement(Decimal(0), each.instrument.tick_size),)
                )
        return None


def _fits(contract: FuturesContract, wanted: WireContract) -> bool:
    instrument = contract.instrument
    expiry = contract.expiry.strftime("%Y%m%d")
    multiplier = str(instrument.multiplier_usd)
    return (
        wanted.con_id in (0, contract.con_id)
        and wanted.symbol in ("", instrument.symbol)
        and wanted.sec_type in ("", "FUT", "CONTFUT")
        and (wanted.expiry == "" or wanted.expiry in (expiry, expiry[:6]))
        and wanted.multiplier in ("", multiplier, f"{multiplier}.0")
        and wanted.exchange in ("", instrument.exchange, "QBALGO")
        and wanted.primary_exchange in ("", instrument.exchange)
        and wanted.currency in ("", instrument.currency)
        and wanted.local_symbol in ("", contract.local_symbol)
        and wanted.trading_class in ("", instrument.symbol)
        and bool(wanted.con_id or wanted.symbol or wanted.local_symbol)
    )


def order_contract(contract: FuturesContract, *, exchange: bool = True) -> OrderContract:
    """Return a contract as answers about orders show it; positions leave the exchange out."""
    instrument = contract.instrument
    return OrderContract(
        con_id=contract.con_id,
        symbol=instrument.symbol,
        sec_type="FUT",
        expiry=contract.expiry.strftime("%Y%m%d"),
        right="?" if exchange else "",
        multiplier=str(instrument.multiplier_usd),
        exchange=instrument.exchange if exchange else "",
        currency=instrument.currency,
        local_symbol=contract.local_symbol,
        trading_class=instrument.symbol,
    )


def contract_details(
    req_id: int,
    contract: FuturesContract,
    *,
    sec_type: str,
    now: datetime,
    days: ExchangeDays = TABLE,
) -> ContractDetails:
    """Return everything that is known of a contract, its hours from the session of `now` on."""
    instrument, expiry = contract.instrument, contract.expiry.strftime("%Y%m%d")
    return ContractDetails(
        req_id=req_id,
        symbol=instrument.symbol,
        sec_type=sec_type or "FUT",
        last_trade_date=f"{expiry} 08:30 {ZONE_NAME}",
        strike="0",
        right="",
        exchange=instrument.exchange,
        currency=instrument.currency,
        local_symbol=contract.local_symbol,
        market_name=instrument.symbol,
        trading_class=instrument.symbol,
        con_id=contract.con_id,
        min_tick=instrument.tick_size,
        multiplier=str(instrument.multiplier_usd),
        order_types="LMT,STPLMT",
        valid_exchanges=instrument.exchange,
        price_magnifier=1,
        under_con_id=0,
        long_name=instrument.name.replace("&", "\\u0026"),
        primary_exchange="",
        contract_month=expiry[:6],
        industry="",
        category="",
        subcategory="",
        time_zone=ZONE_NAME,
        trading_hours=_hours_text(now, days, regular=False),
        liquid_hours=_hours_text(now, days, regular=True),
        ev_rule="",
        ev_multiplier="0",
        sec_ids=(),
        agg_group="2147483647",
        under_symbol=instrument.symbol,
        under_sec_type="IND",
        market_rule_ids=str(instrument.market_rule_id),
        real_expiration_date=expiry,
        stock_type="",
        min_size=Decimal(1),
        size_increment=Decimal(1),
        suggested_size_increment=Decimal(1),
    )


def _hours_text(now: datetime, days: ExchangeDays, *, regular: bool) -> str:
    first = trading_date(now)
    listed = [first + timedelta(days=offset) for offset in range(_DAYS_LISTED)]
    return ";".join(_day_text(day, days, regular=regular) for day in listed)


def _day_text(day: date, days: ExchangeDays, *, regular: bool) -> str:
    session = days.session(day)
    if session is None:
        return f"{day:%Y%m%d}:CLOSED"
    if regular:
        usual = regular_bounds(day)
        session = usual[0], min(usual[1], session[1])
    opened, closed = (each.astimezone(EXCHANGE_ZONE) for each in session)
    return f"{opened:%Y%m%d:%H%M}-{closed:%Y%m%d:%H%M}"


def zoned_text(at: datetime) -> str:
    """Return a time as executions and bars write it: `YYYYMMDD HH:MM:SS US/Central`."""
    return f"{at.astimezone(EXCHANGE_ZONE):%Y%m%d %H:%M:%S} {ZONE_NAME}"


def epoch_text(at: datetime) -> str:
    """Return a time in whole epoch seconds."""
    return str(int(at.astimezone(UTC).timestamp()))
