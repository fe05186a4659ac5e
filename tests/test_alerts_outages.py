"""An advisor's outage is told once, and its end once."""

from datetime import UTC, datetime, timedelta

from mytrader.alerts.outages import MEMORY, PANEL, Outages
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.memory import Recall

NOON = datetime(2025, 11, 12, 18, tzinfo=UTC)


def opinion(advisor: str, failure: str | None = None) -> Opinion:
    """An answer, or a failure."""
    return Opinion(advisor, AdvisorRole.RISK, Advice.WAIT, "", failure=failure)


def changes(
    outages: Outages, *opinions: Opinion, recall: Recall | None = None, minute: int = 0
) -> list[tuple[str, int, bool]]:
    """Who changed, over how many questions, and whether it is over."""
    at = NOON + timedelta(minutes=minute)
    return [(o.name, o.questions, over) for o, over in outages.took(opinions, recall, at=at)]


def test_an_outage_is_told_once_and_its_end_once() -> None:
    outages = Outages()
    assert changes(outages, opinion("risk"), opinion("decision", "timeout")) == [
        ("decision", 1, False)
    ]
    assert changes(outages, opinion("risk"), opinion("decision", "error: X")) == []
    assert changes(outages, opinion("risk"), opinion("decision"), minute=5) == [
        ("decision", 2, True)
    ]
    assert changes(outages, opinion("risk"), opinion("decision")) == []
    assert outages.begun == 1


def test_an_outage_knows_when_it_began() -> None:
    outages = Outages()
    changes(outages, opinion("risk", "timeout"))
    ((outage, over),) = outages.took((opinion("risk"),), None, at=NOON + timedelta(minutes=5))
    assert over
    assert (outage.since, outage.failure) == (NOON, "timeout")


def test_a_memory_is_back_when_it_remembers() -> None:
    """A memory that answers gives no opinion: its answer is the recall."""
    outages = Outages()
    assert changes(outages, opinion(MEMORY, "timeout"), recall=Recall(failure="timeout")) == [
        (MEMORY, 1, False)
    ]
    assert changes(outages, opinion("risk")) == []
    assert changes(outages, opinion("risk"), recall=Recall()) == [(MEMORY, 1, True)]


def test_a_panel_is_back_when_it_answers() -> None:
    outages = Outages()
    assert changes(outages, opinion(PANEL, "timeout")) == [(PANEL, 1, False)]
    assert changes(outages, opinion("risk")) == [(PANEL, 1, True)]
