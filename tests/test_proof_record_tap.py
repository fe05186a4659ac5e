"""The tap sees what is committed, and only that."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mytrader.domain.commands import PlaceExit
from mytrader.domain.events import QuoteSeen
from mytrader.domain.instrument import ES
from mytrader.domain.market import Quote
from mytrader.domain.orders import Approved
from mytrader.proof.record_tap import RecordTap
from tests.day_samples import CONTRACT, CYCLE, ENTRY, EXIT, NOON, SIGNAL, Book, bytes_of, spec


def test_what_waits_in_memory_is_not_there(tmp_path: Path) -> None:
    book = Book(tmp_path)
    tap = RecordTap(book.path)
    book.cancel(ENTRY)
    book.decide(PlaceExit(Approved(spec(EXIT))), durable=False)
    tap.catch_up()
    assert (tap.cancels(ENTRY), tap.intents(EXIT)) == (1, 0)
    book.cancel(ENTRY)
    assert (tap.cancels(ENTRY), tap.intents(EXIT)) == (2, 1)


def test_an_order_that_a_quote_led_to_is_found(tmp_path: Path) -> None:
    book = Book(tmp_path)
    quote = QuoteSeen(CONTRACT.con_id, Quote(NOON, 27400, 27401, 27400, delayed=False))
    book.writer.append(NOON, quote, [], durable=False)
    later = NOON + timedelta(seconds=1)
    book.writer.append(later, quote, [PlaceExit(Approved(spec(EXIT)))], durable=True)
    tap = RecordTap(book.path)
    assert list(tap.objections(bytes_of(spec(EXIT)), ES)) == []


@pytest.mark.parametrize(
    "spoiled",
    [
        {"tif": "DAY"},
        {"outside_rth": False},
        {"trigger_method": 0},
        {"transmit": False},
        {"oca_group": "g"},
        {"parent_id": 3},
        {"action": "BUY"},
        {"quantity": Decimal(2)},
        {"order_type": "LMT"},
        {"limit_price": Decimal(6000)},
        {"aux_price": Decimal(6000)},
    ],
)
def test_every_field_that_matters_must_be_as_recorded(
    tmp_path: Path, spoiled: dict[str, Any]
) -> None:
    book = Book(tmp_path)
    book.decide(PlaceExit(Approved(spec(EXIT))))
    tap = RecordTap(book.path)
    assert list(tap.objections(bytes_of(spec(EXIT)), ES)) == []
    found = list(tap.objections(replace(bytes_of(spec(EXIT)), **spoiled), ES))
    assert [invariant for invariant, _ in found] == ["I4"]


def test_a_signal_is_found_by_its_cycle(tmp_path: Path) -> None:
    tap = RecordTap(Book(tmp_path).path)
    assert tap.signal(CYCLE) == SIGNAL
    assert tap.signal("another") is None
    tap.close()
