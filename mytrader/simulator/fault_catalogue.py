"""Faults by name: the catalogue of TWS-PROTOCOL.md section 10, each ready to be switched on.

A fault file names them (`named: [close mid-frame]`), the profile `hostile` holds all of them but
`BEYOND_HOSTILE`. Chances and times are those of a bad day; a script that wants more writes its own
rules. In each family some happen by a certain time, so that no long day is without the family.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import structs

from mytrader.domain.orders import Side
from mytrader.simulator.fault_rules import (
    CONNECT,
    Alter,
    Answer,
    AnyEffect,
    Bust,
    ByHand,
    Close,
    Correct,
    Cut,
    Deafen,
    Delay,
    Doze,
    Drop,
    Empty,
    FarmDown,
    FillFirst,
    Follow,
    Halt,
    Hold,
    LoseLink,
    Match,
    Mute,
    Naive,
    Notice,
    Precede,
    Refuse,
    Repeat,
    Restart,
    Rule,
    Split,
    Swap,
    Thin,
    When,
)

CONNECTION, SESSION, ACKNOWLEDGEMENT = "connection", "session", "acknowledgement"
ORDER, SYNC, DATA = "order", "sync", "data"
FAMILIES: Final = (CONNECTION, SESSION, ACKNOWLEDGEMENT, ORDER, SYNC, DATA)

_NEW: Final = Match("PlaceOrder", known=False)
_CHANGE: Final = Match("PlaceOrder", known=True)


def _on(message: str, **where: str) -> Match:
    return Match(message, where=where)


def _rare(chance: float, *, times: int | None = None, by_s: float | None = None) -> When:
    return When(chance=chance, times=times, by_s=by_s)


def _every(seconds: float, *, times: int | None = None, by_s: float | None = None) -> When:
    return When(every_s=seconds, times=times, by_s=by_s)


def _daily(at: str, *, within_s: float = 0.0) -> When:
    return When(daily_at=at, within_s=within_s)


_CONNECTION: Final[dict[str, tuple[AnyEffect, When, Match | None]]] = {
    "refuse": (Close(), _rare(0.1, times=3), Match(CONNECT)),
    "accept and stay silent": (Deafen(), _rare(0.05, times=2), Match(CONNECT)),
    "close during handshake": (Close(), _rare(0.1, times=3), Match("StartApi")),
    "client id in use": (
        Answer(326, "Unable to connect as the client id is already in use.", close=True),
        _rare(0.05, times=2),
        Match("StartApi"),
    ),
    "close mid-frame": (Cut(), _rare(0.02, times=6), _on("OrderStatus")),
    "close between bracket halves": (
        Close(),
        _rare(0.02, times=6),
        Match("PlaceOrder", known=False, where={"parent_id": "!0"}),
    ),
    "close before an order": (Close(), _rare(0.02, times=6), _NEW),
    "close after an order": (Close(carry_out=True), _rare(0.02, times=6), _NEW),
    "half-open": (Deafen(), _rare(0.01, times=2), _on("OpenOrder")),
    "bytes split": (Split(7), _rare(0.2, times=3), _on("ManagedAccounts")),
    "bytes merged": (Hold(400), _rare(0.01, by_s=300), _on("TickSize")),
    "slow reader": (Doze(1500), _rare(0.03), _on("PlaceOrder")),
    "too fast": (
        Answer(100, "Max rate of messages per second has been exceeded"),
        _rare(0.01),
        _NEW,
    ),
}
_SESSION: Final[dict[str, tuple[AnyEffect, When, Match | None]]] = {
    "link lost": (LoseLink(12), _every(1500), None),
    "link and data lost": (LoseLink(12, data_kept=False), _every(2400), None),
    "data farm down": (FarmDown(20), _every(1500), None),
    "farm idle": (
        Notice(
            2108, "Market data farm connection is inactive but should be available upon demand"
        ),
        _every(1200, by_s=900),
        None,
    ),
    "nightly reset": (LoseLink(240, night=True), _daily("23:15", within_s=5000), None),
    "nightly restart": (Restart(45), _daily("22:45"), None),
    "gateway restart": (Restart(15), _every(3000), None),
    "exchange halt": (Halt(60), _every(9000, times=2), None),
}
_ACKNOWLEDGEMENT: Final[dict[str, tuple[AnyEffect, When, Match | None]]] = {
    "acknowledgement late": (Delay(50, 1500), _rare(0.15), _on("OpenOrder")),
    "acknowledgement twice": (Repeat(after_ms=40), _rare(0.05), _on("OpenOrder")),
    "acknowledgement out of order": (Swap(), _rare(0.1), _on("OpenOrder")),
    "acknowledgement lost": (Drop(), _rare(0.03), _on("OpenOrder")),
    "status late": (Delay(20, 1500), _rare(0.1), _on("OrderStatus")),
    "status lost": (Drop(), _rare(0.05), _on("OrderStatus")),
    "status twice": (Repeat(), _rare(0.1, by_s=300), _on("OrderStatus")),
    "status again later": (Repeat(after_ms=900), _rare(0.05), _on("OrderStatus")),
    "status out of order": (Swap(), _rare(0.1), _on("OrderStatus")),
    "execution late": (Delay(20, 1500), _rare(0.15), _on("ExecutionDetails", req_id="-1")),
    "execution twice": (Repeat(), _rare(0.1), _on("ExecutionDetails", req_id="-1")),
    "execution out of order": (Swap(), _rare(0.15), _on("ExecutionDetails", req_id="-1")),
    "commission late": (Delay(500, 4000), _rare(0.2), _on("CommissionReport")),
    "commission twice": (Repeat(after_ms=10), _rare(0.1), _on("CommissionReport")),
    "commission out of order": (Swap(), _rare(0.1), _on("CommissionReport")),
    "commission lost": (Drop(), _rare(0.03), _on("CommissionReport")),
}
_ORDER: Final[dict[str, tuple[AnyEffect, When, Match | None]]] = {
    "rejected": (Answer(201, "Order rejected - reason:simulated"), _rare(0.03), _NEW),
    "change rejected": (Answer(201, "Order rejected - reason:simulated"), _rare(0.1), _CHANGE),
    "refused on arrival": (Refuse(), _rare(0.03), _NEW),
    "stop refused on arrival": (
        Refuse(),
        _rare(0.03),
        Match("PlaceOrder", known=False, where={"order_type": "STP LMT", "parent_id": "!0"}),
    ),
    "change refused on arrival": (Refuse(), _rare(0.05), _CHANGE),
    "off-grid": (
        Answer(110, "The price does not conform to the minimum price variation"),
        _rare(0.01),
        _NEW,
    ),
    "validation": (Answer(321, "Error validating request: simulated"), _rare(0.01), _NEW),
    "TIF preset": (
        Answer(10349, "Order TIF was set to DAY based on order preset.", carry_out=True),
        _rare(0.03),
        _NEW,
    ),
    "order message": (
        Answer(399, "Order Message:\nsimulated warning", carry_out=True),
        _rare(0.05),
        _NEW,
    ),
    "order message after the fill": (
        Follow(399, "Order Message:\nsimulated warning", 50),
        _rare(0.1),
        _on("OrderStatus", status="Filled"),
    ),
    "fills in parts": (Thin(1, 120), _every(400, by_s=600), None),
    "a person trades": (ByHand(Side.SELL), _every(7200, times=1), None),
    "fill while cancelling": (FillFirst(), _rare(0.2), _on("CancelOrder")),
    "fill while changing": (FillFirst(), _rare(0.02), _CHANGE),
    "executed without a status": (Drop(), _rare(0.15), _on("OrderStatus", status="Filled")),
    "status without execution": (Drop(), _rare(0.05), _on("ExecutionDetails", req_id="-1")),
    "execution busted": (Bust(), _rare(0.02), _on("ExecutionDetails", req_id="-1")),
    "execution corrected": (Correct(-1), _rare(0.02), _on("ExecutionDetails", req_id="-1")),
    "inactive then active": (
        Precede({"status": "Inactive"}, 700),
        _rare(0.05),
        _on("OrderStatus", status="Submitted"),
    ),
    "cancel unheard": (Drop(), _rare(0.05), _on("CancelOrder")),
    "cancel late": (Delay(100, 2000), _rare(0.2), _on("CancelOrder")),
}
_SYNC: Final[dict[str, tuple[AnyEffect, When, Match | None]]] = {
    "open orders without an end": (Drop(), _rare(0.1, times=3), _on("OpenOrderEnd")),
    "completed orders without an end": (Drop(), _rare(0.1, times=3), _on("CompletedOrdersEnd")),
    "executions without an end": (Drop(), _rare(0.1, times=3), _on("ExecutionsEnd")),
    "positions without an end": (Drop(), _rare(0.1, times=3), _on("PositionEnd")),
    "account without an end": (Drop(), _rare(0.1, times=3), _on("AccountDownloadEnd")),
    "values without an end": (Drop(), _rare(0.1, times=3), _on("AccountUpdateMultiEnd")),
    "stale open order": (Repeat(after_ms=5000), _rare(0.03), _on("OpenOrder")),
    "position disagrees": (Alter(add={"position": "1"}), _rare(0.05, times=3), _on("Position")),
    "position late": (Delay(100, 4000), _rare(0.2, by_s=300), _on("Position")),
}
_DATA: Final[dict[str, tuple[AnyEffect, When, Match | None]]] = {
    "quotes crossed": (Alter(add={"price": "5"}), _rare(0.002), _on("TickPrice", tick_type="1")),
    "size zero": (Alter({"size": "0"}), _rare(0.005), _on("TickPrice", tick_type="2")),
    "price jumps": (Alter(add={"price": "200"}), _rare(0.0005), _on("TickPrice", tick_type="4")),
    "burst": (Repeat(20), _rare(0.002), _on("TickPrice")),
    "quote lost": (Drop(), _rare(0.02, by_s=60), _on("TickPrice")),
    "quotes stale": (FarmDown(15, told=False), _every(1800), None),
    "bar twice": (Repeat(), _rare(0.02), _on("HistoricalDataUpdate")),
    "bar lost": (Drop(), _rare(0.02), _on("HistoricalDataUpdate")),
    "no subscription": (
        Answer(354, "Requested market data is not subscribed."),
        _rare(0.05, times=1),
        _on("RequestMarketData"),
    ),
    "history pacing": (
        Answer(
            162, "Historical Market Data Service error message:API historical data query pacing"
        ),
        _rare(0.05, times=1),
        _on("RequestHistoricalData"),
    ),
    "no history": (Empty(), _rare(0.05, times=1), _on("HistoricalData")),
    "naive times": (Naive(), _rare(0.05, times=1), _on("HistoricalData")),
    "bars end": (Mute(), _rare(0.0005, times=3), _on("HistoricalDataUpdate")),
}
_BY_FAMILY: Final = {
    CONNECTION: _CONNECTION,
    SESSION: _SESSION,
    ACKNOWLEDGEMENT: _ACKNOWLEDGEMENT,
    ORDER: _ORDER,
    SYNC: _SYNC,
    DATA: _DATA,
}

CATALOGUE: Final[Mapping[str, Rule]] = {
    name: Rule(effect, name, family, when, match)
    for family, faults in _BY_FAMILY.items()
    for name, (effect, when, match) in faults.items()
}
"""Every fault that can be switched on by its name."""

BEYOND_HOSTILE: Final = frozenset({"execution busted", "a person trades"})
"""Faults that no trader could answer without a person, left out of the profile."""


def always(rule: Rule) -> Rule:
    """Return a rule that acts at every occasion, for a fault that is looked at alone."""
    return structs.replace(rule, when=structs.replace(rule.when, chance=1.0))


def thinned(rule: Rule, factor: float) -> Rule:
    """Return a rule that acts `factor` times as often."""
    when = rule.when
    every_s = None if when.every_s is None else when.every_s / factor
    chance = min(when.chance * factor, 1.0) if rule.match is not None else when.chance
    return structs.replace(rule, when=structs.replace(when, chance=chance, every_s=every_s))
