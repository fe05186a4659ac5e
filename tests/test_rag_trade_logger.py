"""One id from entry to lesson; an exit without a trade cannot be said."""

import inspect
from typing import get_type_hints

import pytest
from msgspec.structs import replace

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.memory import TradeDocument
from mytrader.rag.documents import Unfit, document_of
from mytrader.rag.trade_logger import EntryId, PositionMetadata, TradeLogger, metadata_of
from tests.memory_samples import a_trade, everything_told


@pytest.fixture
def kept() -> list[TradeDocument]:
    return []


@pytest.fixture
def logger(kept: list[TradeDocument]) -> TradeLogger:
    return TradeLogger(kept.append)


def test_an_entry_and_its_exit_are_one_trade(
    logger: TradeLogger, kept: list[TradeDocument]
) -> None:
    trade = a_trade()
    with everything_told() as told:
        entry = logger.log_trade_entry(trade)
        made = logger.log_trade_exit(trade, entry)
    assert kept == [made]
    assert made == document_of(trade)
    assert [line["event"] for line in told] == ["TRADE_ENTRY", "TRADE_EXIT"]
    assert {line["cycle_id"] for line in told} == {trade.cycle_id}
    assert logger.entry_of(trade) is None


def test_an_entry_told_twice_is_one(logger: TradeLogger) -> None:
    with everything_told() as told:
        first, again = (logger.log_trade_entry(a_trade()) for _ in range(2))
    assert first == again == logger.entry_of(a_trade())
    assert len(told) == 1


def test_an_exit_needs_a_trade_by_type() -> None:
    """The founding record said "No current trade ID": here there is no way to say it."""
    hints = get_type_hints(TradeLogger.log_trade_exit)
    assert hints["closed"] is TradeCycle
    assert hints["entry"] == EntryId | PositionMetadata
    parameters = inspect.signature(TradeLogger.log_trade_exit).parameters
    assert all(each.default is inspect.Parameter.empty for each in parameters.values())


def test_the_position_leads_to_its_trade(logger: TradeLogger, kept: list[TradeDocument]) -> None:
    trade = a_trade(7)
    assert metadata_of(trade).cycle_id == trade.cycle_id
    logger.log_trade_exit(trade, metadata_of(trade))
    assert [each.document_id for each in kept] == [trade.cycle_id]


@pytest.mark.parametrize("refs", [(), ("manual",), (f"mt/{'0' * 26}/S1",), (f"mt/{'1' * 26}/E1",)])
def test_a_position_of_another_trade_leaves_no_document(
    logger: TradeLogger, kept: list[TradeDocument], refs: tuple[str, ...]
) -> None:
    trade = a_trade(7)
    with everything_told() as told:
        made = logger.log_trade_exit(trade, PositionMetadata(trade.con_id, refs))
    assert isinstance(made, Unfit)
    assert "belongs to another trade" in made.why
    assert told[0]["event"] == "TRADE_EXIT_UNFIT"
    assert kept == []


def test_two_contracts_at_once_keep_theirs_apart(
    logger: TradeLogger, kept: list[TradeDocument]
) -> None:
    big, micro = a_trade(1), a_trade(2, con_id=9, symbol="MES")
    entries = [logger.log_trade_entry(each) for each in (big, micro)]
    for trade, entry in ((micro, entries[1]), (big, entries[0])):
        logger.log_trade_exit(trade, entry)
    assert [(each.document_id[-1], each.symbol) for each in kept] == [("2", "MES"), ("1", "ES")]


def test_what_is_not_closed_is_told_and_not_kept(
    logger: TradeLogger, kept: list[TradeDocument]
) -> None:
    trade = replace(a_trade(), phase=Phase.HALTED)
    assert isinstance(logger.log_trade_exit(trade, metadata_of(trade)), Unfit)
    assert kept == []
