"""What is new in the broker's answer: with every look at its book it repeats a day's executions.

The loop lets `step` and the record have what was not booked yet. `step` would leave the others
alone, so that nothing changes but the length of the record: it would grow with the square of a
day's trades, and the next start reads all of it.
"""

from msgspec.structs import replace

from mytrader.domain.events import AnyEvent, BookAnswered
from mytrader.domain.known import Known
from mytrader.domain.trader import TraderState
from mytrader.execution.fill_tracking import is_booked


def news_of(state: TraderState, event: AnyEvent) -> AnyEvent:
    """Return an answer about the book without the executions that `state` has; others as is."""
    if not isinstance(event, BookAnswered) or not isinstance(event.book, Known):
        return event
    book = event.book.value
    news = tuple(fill for fill in book.executions if not is_booked(state, fill))
    if len(news) == len(book.executions):
        return event
    return replace(event, book=Known(replace(book, executions=news)))
