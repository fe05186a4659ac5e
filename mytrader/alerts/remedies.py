"""What a code means to whoever reads it on a telephone, and what to do about it.

Only words of ours: a guard's own detail names the limit that it compared with, and limits are
nobody's business in a chat.
"""

from typing import Final

_LOOK: Final = "look: <code>mytrader status</code>"
_BY_HAND: Final = "runbook halt-and-flatten.md, “Become flat by hand”"
_RESUME: Final = (
    "read <code>mytrader status</code>, mend what it says, then"
    " <code>mytrader resume --code CODE</code>"
)
_IN_TWS: Final = "look at the position and its orders in TWS, then <code>mytrader status</code>"

RULES: Final[dict[str, str]] = {
    "AWS_WAIT": "an advisor said WAIT, or did not answer",
    "BRACKET_MISMATCH": "the orders of the bracket do not fit each other",
    "BRACKET_ORIENTATION": "stop or target on the wrong side of the entry",
    "BRACKET_TOO_CLOSE": "stop or target too close to the entry",
    "CLOCK_SKEW": "our clock and the broker's differ too much",
    "CLOSED_BY_RULE": "the hour, the strategy or the regime is closed",
    "CONTRACT_NOT_ALLOWED": "not a contract that may be traded",
    "COOLDOWN": "too soon after the last entry",
    "CROSSED_BOOK": "bid and ask are crossed or missing",
    "DAILY_LOSS": "the day could lose more than it may",
    "DELAYED_DATA": "the data are delayed",
    "DRAWDOWN": "the drawdown could grow beyond what it may",
    "DUPLICATE_ORDER": "the order was sent before",
    "DUPLICATE_SIGNAL": "the same signal again",
    "EVENT_BLACKOUT": "a scheduled release is near",
    "FOREIGN_ORDER": "an order that is not ours works on the contract",
    "LOSS_STREAK": "too many losses in a row",
    "LOW_CONFIDENCE": "confidence too low",
    "MARGIN": "the margin is unknown or too small",
    "MAX_LOSS_PER_TRADE": "the trade could lose more than a trade may",
    "MESSAGE_RATE": "too many messages to the broker",
    "MISSING_STOP": "no stop",
    "MISSING_TARGET": "no target",
    "MODE": "the trader opens nothing at present",
    "NOT_WARM": "too few bars for the indicators",
    "OFF_TICK": "a price that is no tick",
    "OPPOSITE_ENTRY": "an entry against what is open or works",
    "ORDER_SIZE": "more contracts than an order may have",
    "POSITION_LIMIT": "more contracts than may be open",
    "POSITION_OPEN": "a trade is open already",
    "POSITION_UNKNOWN": "the position is not known for certain",
    "PRICE_COLLAR": "too far from the market",
    "PRICE_LIMIT": "too near to a price limit of the day",
    "ROLL_WINDOW": "the contract expires soon",
    "SESSION_CLOSED": "the exchange is closed",
    "SESSION_END": "the session ends soon",
    "SESSION_RESET": "the broker is reset about now",
    "STALE_DATA": "quote, bar or proposal too old",
    "TRADE_COUNT": "the day has had its trades",
}
"""The rule of every guard that an entry meets, without its numbers."""

REMEDIES: Final[dict[str, str]] = {
    "BARS_SILENT": (
        "nothing: bars are asked for again, no entry comes meanwhile, stops rest at the broker; if"
        " it goes on, look at the gateway's data farms"
    ),
    "BOOK_UNKNOWN": "nothing: the broker is asked again; if it goes on, look at the gateway",
    "BRACKET_MISSING": "nothing: the trader watches the target; the stop works",
    "CHANGE_PENDING": "nothing: an exit waits for the answer to the last change",
    "CONNECT_FAILED": (
        "a trade is open and nobody watches it until the gateway answers; its stop rests at the"
        f" broker. Look at the gateway; {_IN_TWS}"
    ),
    "COMMISSION_MISSING": "nothing: the profit shown may be too high until it comes",
    "CONTRACT_UNKNOWN": f"check <code>--symbol</code>; {_LOOK}",
    "CYCLE_HALTED": f"the stop was left where it is. {_IN_TWS}; to be flat: {_BY_HAND}",
    "DUPLICATE_ORDER": _LOOK,
    "ECHO_MISMATCH": f"the broker holds other terms than we sent: {_IN_TWS}",
    "EMERGENCY_STOP_PLACED": f"the entry's own stop was gone, another went out: {_IN_TWS}",
    "EMERGENCY_STOP_REFUSED": (f"GO TO TWS NOW: the position may have no stop. {_BY_HAND}"),
    "EMERGENCY_STOP_REPEATED": f"find out why stops go missing before you resume. {_LOOK}",
    "EXIT_ALREADY_WORKING": "nothing: an exit works already",
    "EXIT_EXCEEDS_POSITION": f"the exit was not sent: it could go through zero. {_IN_TWS}",
    "EXIT_EXCESS": f"the surplus is being cancelled; did somebody trade by hand? {_IN_TWS}",
    "EXIT_NOT_REDUCE_ONLY": _LOOK,
    "EXIT_STUCK": f"its orders still work, it is tried no more. {_IN_TWS}; {_BY_HAND}",
    "EXIT_UNCOVERED": f"GO TO TWS NOW: an exit left a position without a stop. {_BY_HAND}",
    "EXIT_WHEN_FLAT": "nothing was sent: by our fills there is no position",
    "EXIT_WITHOUT_CYCLE": f"nothing was sent: no trade of ours is open. {_IN_TWS}",
    "EXIT_WRONG_SIDE": f"the exit was not sent: it would add to the position. {_IN_TWS}",
    "FILL_MISMATCH": f"status and fills of an order disagree: {_IN_TWS}",
    "FOREIGN_FILL": f"something filled that is not ours: {_IN_TWS}; then {_RESUME}",
    "FOREIGN_ORDER": f"whose order is it? Cancel it in TWS or let it be; then {_RESUME}",
    "HALTED": f"what rests at the broker was left there. {_IN_TWS}",
    "LATE_FILL": f"an entry that was given up has filled: {_LOOK}",
    "LINK_AWAY": (
        "look at the gateway: does it run, is it logged in? Stops rest at the broker; the trader"
        " goes on trying and says when it is back"
    ),
    "LINK_DOWN": (
        "stops rest at the broker; the trader connects again by itself. Look at the gateway,"
        " and in TWS if a trade is open"
    ),
    "MODE_HALT": f"stops stay. {_RESUME}; to be flat: <code>mytrader flatten</code>",
    "MODE_REDUCE_ONLY": f"nothing is opened any more. {_RESUME}",
    "MOVE_STOP_REFUSED": "nothing: exits go by cancelling the stop first",
    "ORDER_DEAD": _LOOK,
    "ORDER_FATE_UNKNOWN": "look for the order in TWS and cancel it there",
    "ORDER_SIZE": _LOOK,
    "POSITION_DOUBT": f"a fill was corrected or makes no sense: {_IN_TWS}; then {_RESUME}",
    "POSITION_FLIPPED": f"GO TO TWS NOW: the trade went through zero. {_BY_HAND}",
    "POSITION_MISMATCH": f"broker and fills disagree: {_IN_TWS}; then {_RESUME}",
    "POSITION_UNKNOWN": f"nothing is sent before the position is known: {_IN_TWS}",
    "REQUEST_EXPIRED": "the request came too late and did nothing: ask again",
    "SECOND_IDENTITY": f"the broker shows two orders for one of ours: {_IN_TWS}",
    "STOP_CANCELLED": f"somebody cancelled a stop; another is sent. {_IN_TWS}; then {_RESUME}",
    "STARTED_WITHOUT": (
        "stops and exits need none of it, entries may be refused. Mend it, and start the trader"
        f" again when nothing is open; {_LOOK}"
    ),
    "UNEXPECTED_FILL": f"an order filled that could not: {_IN_TWS}",
}
"""What to do, as HTML of ours, by the code of the alert."""

PAGE_REMEDY: Final = _IN_TWS
"""For a page whose code is new."""

RESUME_REMEDY: Final = _RESUME
STATUS_REMEDY: Final = _LOOK
