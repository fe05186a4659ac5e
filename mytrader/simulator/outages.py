"""What is away: the link to the broker, the farms, the gateway itself; and how it returns.

While the link is lost a client hears nothing of its orders; what happened meanwhile it hears when
the link is back, in order. What it asked meanwhile is carried out then. Quotes are lost. This is
one reading of what a gateway does between 1100 and 1102 (TWS-PROTOCOL.md 7.6).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol

from mytrader.simulator.agenda import Agenda
from mytrader.simulator.connection import ClientConnection
from mytrader.tws import answers
from mytrader.tws.fields import Message

LINK_LOST: Final = (1100, "Connectivity between IB and Trader Workstation has been lost.")
DATA_LOST: Final = (
    1101,
    "Connectivity between IB and Trader Workstation has been restored - data lost.",
)
DATA_KEPT: Final = (
    1102,
    "Connectivity between IB and Trader Workstation has been restored - data maintained.",
)
FARMS_DOWN: Final = (
    (2103, "Market data farm connection is broken:usfuture"),
    (2105, "HMDS data farm connection is broken:ushmds"),
)
FARMS_UP: Final = (
    (2104, "Market data farm connection is OK:usfuture"),
    (2106, "HMDS data farm connection is OK:ushmds"),
)
SERVER_LINK_BROKEN: Final = (
    2110,
    "Connectivity between Trader Workstation and server is broken. It will be restored.",
)
HELD_MAX: Final = 20_000
"""Requests that are kept while the link is lost: several minutes of the fastest client."""
QUOTES: Final = (
    answers.TickPrice,
    answers.TickSize,
    answers.TickString,
    answers.TickGeneric,
    answers.HistoricalDataUpdate,
    answers.RealTimeBar,
    answers.TickByTickLast,
    answers.TickByTickAllLast,
    answers.TickByTickQuote,
    answers.TickByTickMidpoint,
)


class Premises(Protocol):
    """What an outage needs of its gateway."""

    def say(self, code: int, text: str, *, forget: bool = False) -> None:
        """Send a notice to every client; with `forget` their subscriptions are gone."""
        ...

    def set_servers(self, *, up: bool) -> None:
        """Say whether the broker's own servers are there."""
        ...

    def set_halted(self, *, halted: bool) -> None:
        """Halt the exchange, or let it trade again."""
        ...

    def go_down(self) -> None:
        """Die as a gateway: connections end, untransmitted orders are gone."""
        ...


class Outages:
    """Keeps what is away, each until its time; overlapping outages last as long as the longer."""

    def __init__(self, premises: Premises, agenda: Agenda) -> None:
        self._premises = premises
        self._agenda = agenda
        self._away: dict[str, int] = {}
        self._late_answers: list[tuple[ClientConnection, Message]] = []
        self._late_requests: list[tuple[ClientConnection, Message]] = []
        self._data_lost = False

    @property
    def any(self) -> bool:
        """Whether anything is away."""
        return bool(self._away)

    @property
    def link_lost(self) -> bool:
        """Whether the gateway has no broker."""
        return "link" in self._away

    @property
    def down(self) -> bool:
        """Whether there is no gateway."""
        return "gateway" in self._away

    def loses_quotes(self, message: Message) -> bool:
        """Whether a message is a quote and quotes do not come through."""
        return ("farm" in self._away or self.link_lost) and isinstance(message, QUOTES)

    def hold_answer(self, connection: ClientConnection, message: Message) -> None:
        """Keep what a client will hear when the link is back."""
        self._late_answers.append((connection, message))

    def hold_request(self, connection: ClientConnection, message: Message) -> None:
        """Keep what a client asked until the link is back; who asks too much is closed."""
        if len(self._late_requests) < HELD_MAX:
            self._late_requests.append((connection, message))
        else:
            connection.close()

    def lose_link(self, seconds: float, *, data_kept: bool, night: bool = False) -> None:
        """Lose the broker for a while. The nightly reset takes the farms along."""
        self._premises.say(*LINK_LOST)
        if night:
            for each in (SERVER_LINK_BROKEN, *FARMS_DOWN):
                self._premises.say(*each)
        self._data_lost |= not data_kept
        self._premises.set_servers(up=False)
        self._leave("link", seconds, self._find_link)

    def lose_farms(self, seconds: float, *, told: bool = True) -> None:
        """Lose quotes and bars for a while; without `told` no notice says so."""
        for each in FARMS_DOWN if told else ():
            self._premises.say(*each)
        self._leave("farm", seconds, self._find_farms if told else lambda: None)

    def restart(self, seconds: float) -> None:
        """Die, and return after a while."""
        self._premises.go_down()
        self._late_answers.clear()
        self._late_requests.clear()
        self._leave("gateway", seconds, lambda: None)

    def halt(self, seconds: float) -> None:
        """Halt the exchange for a while."""
        self._premises.set_halted(halted=True)
        self._leave("exchange", seconds, lambda: self._premises.set_halted(halted=False))

    def _leave(self, what: str, seconds: float, back: Callable[[], None]) -> None:
        number = self._away.get(what, 0) + 1
        self._away[what] = number

        def end() -> None:
            if self._away.get(what) == number:
                del self._away[what]
                back()

        self._agenda.at(self._agenda.now + timedelta(seconds=seconds), end)

    def _find_link(self) -> None:
        self._premises.set_servers(up=True)
        forget, self._data_lost = self._data_lost, False
        self._premises.say(*(DATA_LOST if forget else DATA_KEPT), forget=forget)
        self._find_farms()
        answers_, self._late_answers = self._late_answers, []
        for connection, message in answers_:
            connection.send(message)
        asked, self._late_requests = self._late_requests, []
        for connection, message in asked:
            connection.carry_out(message)

    def _find_farms(self) -> None:
        for each in FARMS_UP:
            self._premises.say(*each)
