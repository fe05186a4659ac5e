"""The founding loss adds up, and everybody who tells of it names the same trade."""

from mytrader.domain import founding
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.learning.founding import FOUNDING_LESSON
from mytrader.rag.seeds import FOUNDING_LOSS


def test_the_loss_is_what_its_prices_say() -> None:
    instrument = INSTRUMENTS[founding.SYMBOL]
    ticks = instrument.ticks(founding.EXIT) - instrument.ticks(founding.ENTRY)
    assert instrument.usd(ticks, founding.QUANTITY) == founding.NET_USD
    assert founding.SENT_AT < founding.FILLED_AT < founding.CLOSED_AT


def test_memory_and_lesson_have_one_id() -> None:
    assert FOUNDING_LOSS.document_id == founding.FOUNDING_ID
    assert FOUNDING_LESSON.evidence == (founding.FOUNDING_ID,)
    assert FOUNDING_LOSS.net_usd == founding.NET_USD
