"""What a broker does wrong, as switches that are all off by default."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from mytrader.simulator.fault_rules import Count, Milliseconds, Rule

Moment = Annotated[datetime, Meta(tz=True)]


class EndMessage(StrEnum):
    """The messages that end an answer."""

    POSITIONS = "positions"
    OPEN_ORDERS = "open_orders"
    COMPLETED_ORDERS = "completed_orders"
    EXECUTIONS = "executions"
    ACCOUNT = "account"
    ACCOUNT_MULTI = "account_multi"


class WhatIfFault(StrEnum):
    """How an answer about margin goes wrong: it does not come, or has no numbers in it."""

    SILENT = "silent"
    SENTINEL = "sentinel"
    EMPTY = "empty"


class StopHome(StrEnum):
    """Where stops wait. As usual, market stops wait at the broker and stop-limits do not."""

    USUAL = "usual"
    BROKER = "broker"
    EXCHANGE = "exchange"


class Faults(Struct, frozen=True, forbid_unknown_fields=True):
    """Faults to commit, each at its own switch. Delays are of messages: the order itself is live.

    * `reject_child_stops`: so many stops of bracket families are refused with 201 while their
      parents live.
    * `freeze_positions_after_fills`: after so many executions positions are reported as they
      were then.
    * `refuse_marketable_stop_changes`: a change that would trigger a stop is answered with 201,
      the old order stays live.
    * `drop_stop_acknowledgements`: nothing is said about a stop until it fills or ends.
    * `stop_acknowledgement_delay_ms`, `acknowledgement_delay_ms`, `fill_delay_ms`,
      `cancel_delay_ms`: how much later the message leaves.
    * `drop_connections_at`: all clients lose their connection at these times; they may return.
    * `missing_end`: this message never ends its answer.
    * `oca_cancel_delay_ms`: the block of one-cancels-all groups is broken: after a fill the others
      work on for so long, and may fill.
    * `both_oca_legs_fill`: the same, but so many times another working order of the group is
      filled at its limit at once, wherever the market is.
    * `what_if`: what becomes of answers about margin; `what_if_delay_ms`: how much later they
      leave.

    Open questions about the real broker, either answer of which must be lived with. With
    `answers_by_seed` the gateway's seed answers them all (and `refuse_marketable_stop_changes`,
    which is one as well), whatever the switches say:

    * `children_work_for_part`: children of a partly filled parent work for that part.
    * `stops`: which stops the broker simulates. Those sleep while its servers are away.
    * `queue_ahead`: so many contracts stand before an order that joins a price; trades there fill
      them first, then the order, in parts. Without a number an order at its limit fills only when
      the market trades through it, as `matching` says.
    * `executions_since_midnight`: executions are told again only on the day (US Central) on which
      they were made.
    * `inactive_rejections`: an order that is refused is first told of as Inactive.
    * `cancels_wait_for_open`: a cancel while the market is shut is answered when it opens.

    Beyond the switches, `rules` say when, on which message and to what effect (`fault_rules`).
    """

    reject_child_stops: Count = 0
    freeze_positions_after_fills: Count | None = None
    refuse_marketable_stop_changes: bool = False
    drop_stop_acknowledgements: bool = False
    stop_acknowledgement_delay_ms: Milliseconds = 0
    acknowledgement_delay_ms: Milliseconds = 0
    fill_delay_ms: Milliseconds = 0
    cancel_delay_ms: Milliseconds = 0
    drop_connections_at: tuple[Moment, ...] = ()
    missing_end: EndMessage | None = None
    oca_cancel_delay_ms: Milliseconds = 0
    both_oca_legs_fill: Count = 0
    what_if: WhatIfFault | None = None
    what_if_delay_ms: Milliseconds = 0
    children_work_for_part: bool = False
    stops: StopHome = StopHome.USUAL
    cancels_wait_for_open: bool = False
    executions_since_midnight: bool = False
    queue_ahead: Count | None = None
    inactive_rejections: bool = False
    answers_by_seed: bool = False
    rules: tuple[Rule, ...] = ()

    def acknowledgement_delay(self, *, stop: bool) -> timedelta:
        """How much later an acknowledgement leaves."""
        delay_ms = self.acknowledgement_delay_ms
        if stop:
            delay_ms = max(delay_ms, self.stop_acknowledgement_delay_ms)
        return timedelta(milliseconds=delay_ms)

    @property
    def fill_delay(self) -> timedelta:
        """How much later the messages about a fill leave."""
        return timedelta(milliseconds=self.fill_delay_ms)

    @property
    def cancel_delay(self) -> timedelta:
        """How much later the confirmation of a cancel leaves."""
        return timedelta(milliseconds=self.cancel_delay_ms)

    @property
    def oca_cancel_delay(self) -> timedelta:
        """How much later the rest of a one-cancels-all group is told of a fill."""
        return timedelta(milliseconds=self.oca_cancel_delay_ms)

    @property
    def what_if_delay(self) -> timedelta:
        """How much later an answer about margin leaves."""
        return timedelta(milliseconds=self.what_if_delay_ms)
