"""Faults as rules that a person can read: when, on which message, to what effect.

    name: the second half of a bracket never arrives
    family: connection
    when: {after_s: 600, chance: 0.2, times: 1}
    match: {message: PlaceOrder, known: false, where: {parent_id: "12"}}
    effect: {do: close}

A rule with `match` looks at every message of that name, in either direction; one without it acts
by itself: at `after_s` and then about every `every_s`, or every day at a time of the exchange's
clock (`daily_at`). Seconds count from the beginning of the market. Names of messages are those
of `mytrader.tws`; `Connect` stands for a new connection.
"""

from typing import Annotated

from msgspec import Meta, Struct

from mytrader.domain.orders import Side

Seconds = Annotated[float, Meta(ge=0, le=1_000_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000)]
Chance = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Positive = Annotated[int, Meta(ge=1, le=1_000_000)]

CONNECT = "Connect"
"""The name under which a rule matches a new connection, before its first byte."""


class When(Struct, frozen=True, forbid_unknown_fields=True):
    """The time of a rule: from `after_s` to `until_s`, each time with `chance`.

    The first `skip` occasions pass, and after `times` firings it is over. A rule that has not
    acted at `by_s` does so at its next occasion, whatever its chance. `every_s` is the mean
    distance of rules without a match; `daily_at` is US Central, and `within_s` how much later it
    may be.
    """

    after_s: Seconds = 0.0
    until_s: Seconds | None = None
    chance: Chance = 1.0
    skip: Count = 0
    times: Positive | None = None
    by_s: Seconds | None = None
    every_s: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None
    daily_at: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    within_s: Annotated[float, Meta(ge=0, le=80_000)] = 0.0


class Match(Struct, frozen=True, forbid_unknown_fields=True):
    """The messages of a rule. `where` compares fields with texts; `client_id` is whose it is.

    A text that begins with `!` is what the field must not be.
    `known` asks of a message about an order whether the broker has that order already.
    """

    message: str
    client_id: int | None = None
    where: dict[str, str] = {}
    known: bool | None = None


class Effect(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do"):
    """What a rule does; the subclasses are the choices of `do`."""


class Drop(Effect, frozen=True, tag="drop"):
    """The message is lost. A request is not carried out."""


class Delay(Effect, frozen=True, tag="delay"):
    """The message comes later, by `ms` and up to `spread_ms` more; later ones overtake it."""

    ms: Milliseconds
    spread_ms: Milliseconds = 0


class Repeat(Effect, frozen=True, tag="repeat"):
    """The message comes again, `times` over, each `after_ms` after the one before."""

    times: Positive = 1
    after_ms: Milliseconds = 0


class Swap(Effect, frozen=True, tag="swap"):
    """The message comes after the one that follows it, or after a second at the latest."""


class Alter(Effect, frozen=True, tag="alter"):
    """Fields of the message are set, or numbers added to them."""

    set: dict[str, str] = {}
    add: dict[str, str] = {}


class Precede(Effect, frozen=True, tag="precede"):
    """An altered copy comes first, the message itself `ms` later."""

    set: dict[str, str]
    ms: Milliseconds = 0


class Follow(Effect, frozen=True, tag="follow"):
    """An error about the message's order or request follows, `ms` later."""

    code: int
    text: str = ""
    ms: Milliseconds = 0


class Empty(Effect, frozen=True, tag="empty"):
    """Lists in the message, such as bars, are empty."""


class Naive(Effect, frozen=True, tag="naive"):
    """Times in the message have lost their zone."""


class Answer(Effect, frozen=True, tag="answer"):
    """A request is answered with an error about its subject; `carry_out` does it all the same.

    With `close` the connection ends after the answer.
    """

    code: int
    text: str = ""
    carry_out: bool = False
    close: bool = False


class Refuse(Effect, frozen=True, tag="refuse"):
    """The order, or the change, is refused where it arrives: a stop so leaves its parent naked."""

    code: int = 201
    text: str = "Order rejected - reason:simulated"


class Close(Effect, frozen=True, tag="close"):
    """The connection ends; `carry_out` takes the request first."""

    carry_out: bool = False


class Cut(Effect, frozen=True, tag="cut"):
    """The connection ends in the middle of the message."""


class Mute(Effect, frozen=True, tag="mute"):
    """Of what the message is about no such message comes any more: a subscription dies unsaid."""


class Deafen(Effect, frozen=True, tag="deafen"):
    """The connection stays open and hears and says nothing any more."""


class Split(Effect, frozen=True, tag="split"):
    """The connection's bytes leave in pieces from now on, `ms` apart, so many of them."""

    size: Positive
    ms: Milliseconds = 1
    pieces: Positive = 500


class Hold(Effect, frozen=True, tag="hold"):
    """What the connection is told is held back for `ms` and comes in one piece."""

    ms: Milliseconds


class Doze(Effect, frozen=True, tag="doze"):
    """The gateway reads nothing from the connection for `ms`; then it takes all that waited."""

    ms: Milliseconds


class FillFirst(Effect, frozen=True, tag="fill_first"):
    """The order that the request cancels or changes fills before the request arrives."""


class Correct(Effect, frozen=True, tag="correct"):
    """The execution is corrected later: its price by `ticks`, in the account as well."""

    ticks: int
    after_ms: Milliseconds = 1000


class Bust(Effect, frozen=True, tag="bust"):
    """The exchange takes the execution back later: it was never made, and nobody is told why."""

    after_ms: Milliseconds = 1000


class Notice(Effect, frozen=True, tag="notice"):
    """Every client gets a notice."""

    code: int
    text: str = ""


class LoseLink(Effect, frozen=True, tag="lose_link"):
    """The gateway loses its broker: 1100, silence, then 1102, or 1101 without `data_kept`.

    Orders work on at the exchange; stops that the broker simulates sleep. At `night` the farms
    are said to be gone as well.
    """

    seconds: Seconds
    data_kept: bool = True
    night: bool = False


class FarmDown(Effect, frozen=True, tag="farm_down"):
    """Quotes and bars stop: 2103 and 2105, then 2104 and 2106; or unsaid, without `told`."""

    seconds: Seconds
    told: bool = True


class Restart(Effect, frozen=True, tag="restart"):
    """The gateway dies and returns; the exchange lives on, untransmitted orders are gone."""

    seconds: Seconds


class Halt(Effect, frozen=True, tag="halt"):
    """The exchange halts trading."""

    seconds: Seconds


class ByHand(Effect, frozen=True, tag="by_hand"):
    """A person trades the account's first contract at the market, at the gateway's own window."""

    side: Side
    quantity: Positive = 1


class Thin(Effect, frozen=True, tag="thin"):
    """No more than `size` contracts are on offer at a time, so that fills come in parts."""

    size: Positive
    seconds: Seconds


AnyEffect = (
    Drop
    | Delay
    | Repeat
    | Swap
    | Alter
    | Precede
    | Follow
    | Empty
    | Naive
    | Answer
    | Refuse
    | Close
    | Cut
    | Mute
    | Deafen
    | Split
    | Hold
    | Doze
    | FillFirst
    | Correct
    | Bust
    | Notice
    | LoseLink
    | FarmDown
    | Restart
    | Halt
    | ByHand
    | Thin
)
SESSION_EFFECTS = (Notice, LoseLink, FarmDown, Restart, Halt, ByHand, Thin)
"""Effects that need no message."""


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One fault. `family` is the part of the catalogue that it belongs to."""

    effect: AnyEffect
    name: str = ""
    family: str = "script"
    when: When = When()
    match: Match | None = None
