"""Settles what we believe of the broker and have not measured: one MES contract, paper account.

    python examples/settle_facts.py --port 4002 --trade        (it needs ib_async and nothing else)

Log TWS or IB Gateway in to a paper account, flat in MES and without orders there, while the market
is open. Without `--trade` only questions are asked. With it the script places orders for one MES
contract, each with a limit, cancels what is left and ends flat; status 3 says that it could not.
It refuses live accounts, the ports of live logins, and any host but this machine's own.

Printed is one line per fact: where it stands in our notes on the protocol, and what was measured.
To keep the bytes as well, run it through `mytrader gateway --record` and give that port.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from ib_async import ContractDetails, Future, LimitOrder, StopLimitOrder, Trade
from paper_desk import ANSWER_S, OVER, PATIENCE_S, REF, SYMBOL, Desk, Refused, Word, happens

PAPER_PREFIX: Final = "D"
LIVE_PORTS: Final = (7496, 4001)
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
TICK: Final = 0.25
MULTIPLIER: Final = 5
AGGRESSIVE_TICKS: Final = 8
FAR_TICKS: Final = 400
CANCEL_TRIES: Final = 10
UNTRANSMITTED: Final = f"{REF}/untransmitted"
NOT_TRADED: Final = "not measured: places orders; give --trade"


class Answer(NamedTuple):
    """One fact: the section of the notes it stands in, the question, and what was measured."""

    section: str
    question: str
    measured: str


# Without orders


def opening_hours(details: ContractDetails) -> Answer:
    """When regular hours end."""
    days = [day for day in details.liquidHours.split(";") if "CLOSED" not in day]
    return Answer("6.3", "liquid hours of the contract", days[0] if days else "none told")


async def execution_window(desk: Desk) -> Answer:
    """How far back executions are told."""
    fills = await desk.reqExecutionsAsync()
    first = min((fill.execution.time for fill in fills), default=None)
    return Answer("7.6", "reach of reqExecutions", _reach(len(fills), first, "execution"))


async def completed_window(desk: Desk) -> Answer:
    """How far back orders that are over are told."""
    await desk.reqCompletedOrdersAsync(apiOnly=False)
    times = sorted(word.said for word in desk.ear.words if word.kind == "completedOrder")
    told = f"{len(times)} told, the earliest of {times[0]}" if times else "none told"
    return Answer("12.7", "reach of completed orders", told)


def _reach(count: int, first: datetime | None, name: str) -> str:
    if first is None:
        return f"no {name} told: run again on a day after fills, past midnight US Central"
    return f"{count} told, the earliest of {first:%Y-%m-%d %H:%M:%S %Z}"


def after_restart(desk: Desk) -> Answer:
    """Whether an order that was never transmitted is still there, if `--restarted` is given."""
    left = [trade for trade in desk.openTrades() if trade.order.orderRef == UNTRANSMITTED]
    told = "still there" if left else "gone"
    return Answer("7.2", "an untransmitted order after the gateway's restart", told)


# With orders


async def stop_limit(desk: Desk) -> list[Answer]:
    """Whether a stop-limit rests at the exchange."""
    last = await desk.price()
    stop = last - FAR_TICKS * TICK
    trade = desk.send(desk.ref(StopLimitOrder("SELL", 1, stop - 20 * TICK, stop), "stop-limit"))
    await happens(lambda: "Submitted" in " ".join(desk.states(trade)))
    states = desk.states(trade)
    native = any(state.startswith("Submitted") for state in states)
    meaning = "rests at the exchange" if native else "is held by the broker"
    told = f"{meaning}: {' > '.join(states) or 'nothing told'} {desk.codes(trade)}".strip()
    await desk.gone(trade)
    return [Answer("7.5", "a resting stop-limit", told)]


async def untransmitted(desk: Desk, *, keep: bool) -> list[Answer]:
    """What is said about an order that is not transmitted, and about its cancel."""
    last = await desk.price()
    limit = LimitOrder("BUY", 1, last - FAR_TICKS * TICK)
    trade = desk.send(desk.ref(limit, "untransmitted", transmit=False))
    await asyncio.sleep(ANSWER_S)
    told = " > ".join(desk.states(trade)) or "nothing"
    answers = [Answer("7.2", "said about an untransmitted order", told)]
    if keep:
        later = "restart the gateway, then run this with --restarted"
        return [*answers, Answer("7.2", "an untransmitted order after a restart", later)]
    ended = await desk.gone(trade, ANSWER_S)
    told = f"{'ended' if ended else 'no end told'}, codes {desk.codes(trade) or 'none'}"
    return [*answers, Answer("7.2", "cancel of an untransmitted order", told)]


class Bracket(NamedTuple):
    """A buy with its target and its stop."""

    entry: Trade
    target: Trade
    stop: Trade


def place_bracket(desk: Desk, limit: float, *, last: float, quantity: int = 1) -> Bracket:
    """Send the family, transmitted by its last order."""
    buy = desk.ref(LimitOrder("BUY", quantity, limit), "entry", transmit=False)
    parent = {"parentId": buy.orderId}
    far = 80 * TICK
    target = desk.ref(LimitOrder("SELL", quantity, last + far), "target", transmit=False, **parent)
    stop = StopLimitOrder("SELL", quantity, last - far - 20 * TICK, last - far)
    trades = [desk.send(order) for order in (buy, target, desk.ref(stop, "stop", **parent))]
    return Bracket(*trades)


async def bracket(desk: Desk) -> list[Answer]:
    """What one filled bracket tells; at the end its stop is repriced through the market."""
    last = await desk.price()
    family = place_bracket(desk, last + AGGRESSIVE_TICKS * TICK, last=last)
    if not await happens(lambda: family.entry.orderStatus.status == "Filled", PATIENCE_S):
        await desk.gone(family.entry)
        return [Answer("7.3", "a bracket", f"its entry did not fill: {desk.states(family.entry)}")]
    await happens(lambda: desk.held() != 0 and _commission(desk, family.entry), ANSWER_S)
    await asyncio.sleep(ANSWER_S)
    answers = [_groups(desk, family), _activation(desk, family), *_around_the_fill(desk, family)]
    answers.append(_average_cost(desk, family))
    answers += await _through_the_market(desk, family)
    return answers


def _groups(desk: Desk, family: Bracket) -> Answer:
    told = {
        word.said.partition(" ")[2]
        for each in (family.target, family.stop)
        for word in desk.heard("openOrder", each.order.orderId)
    }
    return Answer("7.3", "group and type told of a bracket's children", " | ".join(sorted(told)))


def _activation(desk: Desk, family: Bracket) -> Answer:
    told = f"target {' > '.join(desk.states(family.target))}; "
    told += f"stop {' > '.join(desk.states(family.stop))}"
    return Answer("7.3", "states of the children around the fill", told)


def _executions(desk: Desk, trade: Trade) -> list[str]:
    order_id = str(trade.order.orderId)
    words = desk.ear.words
    return [str(w.about) for w in words if w.kind == "execDetails" and w.said == order_id]


def _commission(desk: Desk, trade: Trade) -> list[Word]:
    return [
        word for each in _executions(desk, trade) for word in desk.heard("commissionReport", each)
    ]


def _around_the_fill(desk: Desk, family: Bracket) -> list[Answer]:
    executions = _executions(desk, family.entry)
    about = {family.entry.order.orderId, *executions}
    words = [word for word in desk.ear.words if word.about in about]
    fill = next((at for at, word in enumerate(words) if "Filled" in word.said), len(words))
    first = next((at for at, word in enumerate(words) if word.kind == "execDetails"), len(words))
    order = " > ".join(map(_told, words[max(min(fill, first) - 1, 0) :]))
    repeats = len(words) - len({(word.kind, word.about, word.said) for word in words})
    return [
        Answer("7.2", "messages around a fill", order),
        Answer("7.2", "messages repeated unchanged", str(repeats)),
        Answer("7.2", "a commission report and its execution", _precedence(desk, executions)),
    ]


def _told(word: Word) -> str:
    return f"{word.kind} {word.said}" if word.kind == "orderStatus" else word.kind


def _precedence(desk: Desk, executions: list[str]) -> str:
    for each in executions:
        (details, *_), reports = (
            desk.heard("execDetails", each),
            desk.heard("commissionReport", each),
        )
        if reports:
            delay_ms = (reports[0].at - details.at) * 1000
            words = desk.ear.words
            before = words.index(reports[0]) < words.index(details)
            return "PRECEDES it" if before else f"follows it by {delay_ms:.0f} ms"
    return f"no commission report within {ANSWER_S:.0f} s"


def _average_cost(desk: Desk, family: Bracket) -> Answer:
    question = "average cost of a future"
    held = [each for each in desk.positions() if each.contract.symbol == SYMBOL]
    if not held:
        return Answer("6.1", question, "no position told")
    plain = Decimal(str(family.entry.fills[0].execution.price)) * MULTIPLIER
    beyond = Decimal(str(held[0].avgCost)) - plain
    paid = sum(fill.commissionReport.commission for fill in family.entry.fills)
    with_it = abs(float(beyond) - paid) < 0.01 < paid
    meaning = "with the commission" if with_it else "without the commission"
    if beyond and not with_it:
        meaning = "neither with nor without the commission"
    return Answer("6.1", question, f"price x {MULTIPLIER} {beyond:+} $: {meaning}")


async def _through_the_market(desk: Desk, family: Bracket) -> list[Answer]:
    """Change the stop so that it is triggered at once; then cancel what is filled."""
    ticker_last = await desk.price()
    stop = family.stop
    stop.order.auxPrice = ticker_last + AGGRESSIVE_TICKS * TICK
    stop.order.lmtPrice = ticker_last - 4 * AGGRESSIVE_TICKS * TICK
    desk.send(stop.order)
    filled = await happens(lambda: stop.filled() == 1, PATIENCE_S / 3)
    how = "trades at once" if filled else f"does not trade, codes {desk.codes(stop) or 'none'}"
    answers = [Answer("12.1", "a resting stop-limit repriced through the market", how)]
    if not filled:
        await desk.gone(stop)
        return answers
    await happens(lambda: family.target.orderStatus.status in OVER)
    left = desk.states(family.target)
    answers.append(Answer("7.3", "the target once the stop has filled", " > ".join(left)))
    before = len(desk.ear.words)
    desk.client.cancelOrder(stop.order.orderId, "")
    await asyncio.sleep(ANSWER_S)
    codes = [w.said for w in desk.ear.words[before:] if w.kind == "error"]
    answers.append(
        Answer("12.8", "codes for the cancel of a filled order", ", ".join(codes) or "none")
    )
    return answers


async def joins_a_filled_group(desk: Desk) -> list[Answer]:
    """What becomes of an order whose one-cancels-all group is already filled."""
    question = "an order that joins a group after its fill"
    last = await desk.price()
    group = {"ocaGroup": f"{REF}-{desk.client.getReqId()}", "ocaType": 1}
    taker = LimitOrder("BUY", 1, last + AGGRESSIVE_TICKS * TICK)
    first = desk.send(desk.ref(taker, "group-first", **group))
    if not await happens(lambda: first.orderStatus.status == "Filled", PATIENCE_S):
        await desk.gone(first)
        return [Answer("7.4", question, "not measured: the first of the group did not fill")]
    far = LimitOrder("SELL", 1, last + FAR_TICKS * TICK)
    second = desk.send(desk.ref(far, "group-second", **group))
    await asyncio.sleep(ANSWER_S)
    states, codes = " > ".join(desk.states(second)), desk.codes(second)
    told = f"{states or 'nothing told'}, codes {codes or 'none'}"
    works = second.orderStatus.status not in OVER
    await desk.gone(second)
    return [Answer("7.4", question, f"{'WORKS' if works else 'is refused'}: {told}")]


async def partly_filled_parent(desk: Desk, quantity: int) -> list[Answer]:
    """Whether children work for the part of their parent that has filled."""
    question = "the children of a partly filled parent"
    if quantity == 1:
        return [Answer("7.3", question, "not measured: one contract fills whole; give --quantity")]
    last = await desk.price()
    family = place_bracket(desk, last, last=last, quantity=quantity)
    partly = await happens(lambda: 0 < family.entry.filled() < quantity, PATIENCE_S)
    await asyncio.sleep(ANSWER_S if partly else 0)
    if not partly or family.entry.orderStatus.status in OVER:
        await desk.gone(family.entry)
        return [Answer("7.3", question, "not measured: the parent was not filled in part")]
    works = family.target.orderStatus.status == "Submitted"
    told = f"{'work' if works else 'wait'}: {_activation(desk, family).measured}"
    await desk.gone(family.entry)
    await asyncio.sleep(ANSWER_S)
    later = _activation(desk, family).measured
    return [
        Answer("7.3", question, told),
        Answer("7.3", "the same once the rest of the parent is cancelled", later),
    ]


BEYOND: Final = (
    Answer(
        "7.6", "codes and order of a reset night", "not measured: record a night, see --record"
    ),
    Answer("7.2", "how an execution is corrected", "not measured: cannot be asked for"),
    Answer("7.5", "a cancel in the daily break", "not measured: run at 16:00 to 17:00 US Central"),
)
"""What no script can bring about in a few minutes of an open market."""


# The run


async def leave_flat(desk: Desk, *, spare: str = "") -> bool:
    """Cancel what is ours, but for `spare`, and close what is open; say whether nothing is left.

    What works is what the broker says works: the client takes a refused change for the end of
    the order.
    """
    for _ in range(CANCEL_TRIES):
        left = [trade for trade in await desk.ours() if trade.order.orderRef != spare]
        if not left:
            break
        for trade in left:
            desk.client.cancelOrder(trade.order.orderId, "")
        await asyncio.sleep(ANSWER_S / 3)
    # A stop may have filled instead of being cancelled: what is held is asked for after that.
    await desk.reqPositionsAsync()
    if held := desk.held():
        last = await desk.price()
        side, sign = ("SELL", -1) if held > 0 else ("BUY", 1)
        limit = last + sign * 5 * AGGRESSIVE_TICKS * TICK
        exit_ = desk.send(desk.ref(LimitOrder(side, abs(held), limit), "exit"))
        await happens(lambda: exit_.orderStatus.status in OVER, PATIENCE_S)
        await happens(lambda: not desk.held())
        left += [] if await desk.gone(exit_) else [exit_]
    return not left and not desk.held()


async def settle(desk: Desk, options: argparse.Namespace) -> tuple[list[Answer], bool]:
    """Ask and trade through everything; return the answers, and whether it ended flat."""
    (details, *_) = await desk.reqContractDetailsAsync(
        Future(SYMBOL, exchange="CME", currency="USD")
    )
    if details.contract is None:
        raise Refused(f"the gateway describes no contract of {SYMBOL}")
    desk.contract = details.contract
    answers = [
        opening_hours(details),
        await execution_window(desk),
        await completed_window(desk),
    ]
    if options.restarted:
        answers.append(after_restart(desk))
    if not options.trade:
        return [*answers, Answer("7", "everything about orders", NOT_TRADED), *BEYOND], True
    working = await desk.reqAllOpenOrdersAsync()
    if desk.held() or any(trade.contract.symbol == SYMBOL for trade in working):
        raise Refused(
            f"the account holds {SYMBOL} or has orders there; give one that is flat and without"
        )
    steps: list[Callable[[], Awaitable[list[Answer]]]] = [
        lambda: stop_limit(desk),
        lambda: bracket(desk),
        lambda: joins_a_filled_group(desk),
        lambda: partly_filled_parent(desk, options.quantity),
        lambda: untransmitted(desk, keep=options.keep_untransmitted),
    ]
    spare = UNTRANSMITTED if options.keep_untransmitted else ""
    flat = True
    for step in steps:
        try:
            answers += await step()
        finally:
            flat = await leave_flat(desk, spare=spare)
        if not flat:
            break
    return [*answers, *BEYOND], flat


def check(options: argparse.Namespace) -> None:
    """Raise `Refused` for a place where no paper account can be, or that is not ours."""
    if options.port in LIVE_PORTS:
        raise Refused(f"--port {options.port} is a live login's; give the paper login's port")
    if options.host not in LOOPBACK and not options.remote:
        raise Refused(
            f"--host {options.host} is another machine; give --remote if it is yours and trusted"
        )
    if not 1 <= options.quantity <= 3:
        raise Refused(f"--quantity {options.quantity}: give 1 to 3")


def check_accounts(managed: Sequence[str]) -> None:
    """Raise `Refused` unless there is one account, a paper one; its number is not told."""
    if any(not account.startswith(PAPER_PREFIX) for account in managed):
        raise Refused("the gateway is logged in to a live account; log in to paper trading")
    if len(managed) != 1:
        raise Refused(f"the login has {len(managed)} accounts; use one with a single account")


async def run(options: argparse.Namespace) -> tuple[list[Answer], bool]:
    """Connect, refuse what is not a paper account, settle, leave. Raises `Refused`."""
    check(options)
    desk = Desk()
    try:
        await desk.connectAsync(options.host, options.port, clientId=options.client_id, timeout=10)
    except OSError as error:
        why = str(error) or type(error).__name__
        raise Refused(f"gateway {options.host}:{options.port}: {why}") from None
    try:
        check_accounts(desk.managedAccounts())
        return await settle(desk, options)
    except ConnectionError as error:
        raise Refused(f"the gateway left meanwhile ({error}); look at the account") from None
    finally:
        desk.disconnect()


def table(answers: Sequence[Answer]) -> str:
    """Return one line per fact."""
    width = max(len(answer.question) for answer in answers)
    return "\n".join(f"{a.section:5} {a.question:{width}}  {a.measured}" for a in answers)


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for."""
    about = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="settle_facts.py", description=about)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4002, help="of a paper login: 4002 or 7497")
    parser.add_argument("--client-id", type=int, default=91)
    parser.add_argument(
        "--remote", action="store_true", help="--host is another machine, and ours"
    )
    parser.add_argument("--trade", action="store_true", help="place orders for one MES contract")
    parser.add_argument("--quantity", type=int, default=1, help="for the partly filled parent")
    parser.add_argument(
        "--keep-untransmitted", action="store_true", help="leave that order for a restart"
    )
    parser.add_argument(
        "--restarted", action="store_true", help="the gateway was restarted since then"
    )
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    """Run the command; bad input is one line on standard error and exit status 2."""
    options = arguments(given)
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    try:
        answers, flat = asyncio.run(run(options))
    except Refused as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    sys.stdout.write(table(answers) + "\n")
    if not flat:
        sys.stderr.write(f"the account is NOT flat in {SYMBOL}, or orders work: look at it now\n")
    return 0 if flat else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
