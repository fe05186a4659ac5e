"""Notices that a contract trades on and its bars do not come: a subscription can die in silence.

A minute in which nothing trades has no bar, and a bar is complete when the next one begins. So the
clock alone says nothing; trades do. Bars are silent when three minutes in which the contract has
traded should be bars by now and are not. A closed exchange, the daily break, a thin market and a
clock that jumps make no trades, and no alarm.

Pure: time is the moment at which a trade was told, the trader's.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.market import BAR_LENGTH
from mytrader.domain.session import session_at

SILENT_BARS: Final = 3
"""So many bars that do not come are a silence; the minute that trades now is not over yet."""

ASKED_AGAIN_AFTER: Final = timedelta(minutes=2)
ASKED_AGAIN_AFTER_MAX: Final = timedelta(minutes=15)
"""The broker allows 60 questions about history in ten minutes, the same one every 15 s."""

Sessions = tuple[tuple[datetime, datetime], ...]


class Silence(Struct, frozen=True):
    """No bar since this moment, and how often bars were asked for because of it."""

    since: datetime
    asked: int


class _Watched:
    """One contract whose bars are subscribed to: when the newest ended, when it traded since.

    `sessions` are told with every subscription. `due_at` is when bars are asked for again, and
    there is one once there is a silence.
    """

    sessions: Sessions
    due_at: datetime

    def __init__(self, newest_ends: datetime) -> None:
        self.newest_ends = newest_ends
        self.traded: list[datetime] = []
        self.silence: Silence | None = None


class BarWatch:
    """The contracts whose bars are waited for."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}

    def begin(self, con_id: int, sessions: Sessions, *, now: datetime) -> None:
        """Wait for the bars of a contract; a silence from before lasts until one comes."""
        watched = self._watched.setdefault(con_id, _Watched(now))
        watched.sessions = sessions
        watched.traded.clear()

    def is_silent(self, con_id: int) -> bool:
        """Whether the bars were found silent, and none has come by itself since."""
        watched = self._watched.get(con_id)
        return watched is not None and watched.silence is not None

    def traded(self, con_id: int, now: datetime) -> Silence | None:
        """Take a trade. Return the silence when bars have to be asked for because of it.

        That is when it is found, and while it lasts ever more rarely.
        """
        watched, minute = self._watched.get(con_id), now.replace(second=0, microsecond=0)
        if watched is None or (watched.traded and minute <= watched.traded[-1]):
            return None
        if session_at(watched.sessions, now) is None:
            return None
        watched.traded = [*watched.traded, minute][-SILENT_BARS - 1 :]
        # The minute that trades now is still forming.
        missing = sum(at >= watched.newest_ends for at in watched.traded) - 1
        silence = watched.silence
        if silence is None:
            if missing < SILENT_BARS:
                return None
            silence = Silence(watched.newest_ends, 0)
        elif now < watched.due_at or missing < 1:
            return None
        wait = min(ASKED_AGAIN_AFTER * 2 ** min(silence.asked, 10), ASKED_AGAIN_AFTER_MAX)
        watched.due_at = now + wait
        watched.silence = replace(silence, asked=silence.asked + 1)
        return watched.silence

    def known(self, con_id: int, opened_at: datetime) -> None:
        """Take that a bar is known, from history or live."""
        watched = self._watched.get(con_id)
        if watched is not None:
            watched.newest_ends = max(watched.newest_ends, opened_at + BAR_LENGTH)

    def live(self, con_id: int) -> Silence | None:
        """Take that a bar came by itself. Return the silence that is over with it."""
        watched = self._watched.get(con_id)
        if watched is None or watched.silence is None:
            return None
        over, watched.silence = watched.silence, None
        return over
