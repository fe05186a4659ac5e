"""The session before a Bedrock that does its worst goes as promised, or says that it did not."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader import advice_demo
from mytrader.advice_demo import CASES, Kind, Seen, market, play, script_of
from mytrader.domain.decision import AdvisorRole
from mytrader.simulator.bedrock_script import GO, Deed
from tests.command_line import CommandLine, mytrader

__all__ = ["mytrader"]
ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(Kind))
def test_every_case_goes_as_promised_and_lies_in_the_record(
    tmp_path: Path, kind: Kind, mytrader: CommandLine
) -> None:
    journal = tmp_path / "demo.journal"
    played = play(journal, kind)
    assert not played.interrupted
    assert [seen.case for seen in played.seen] == list(CASES)
    assert [seen.case.told for seen in played.seen if not seen.as_promised] == []
    told = mytrader("cycles", "--journal", journal, "--json").json
    assert [
        (cycle["cycle_id"], cycle["reason_codes"], bool(cycle["fills"])) for cycle in told
    ] == [(seen.view["cycle_id"], seen.codes, seen.case.enters) for seen in played.seen]
    # Both roles were asked every time, of the kind that was wanted.
    for seen in played.seen:
        targets = {call["target"].split("/")[0] for call in seen.view["calls"]}
        assert targets == {str(kind)}
        assert {call["advisor"] for call in seen.view["calls"]} == {
            "bedrock-decision",
            "bedrock-risk",
        }


def test_the_cases_hold_all_that_must_be_shown() -> None:
    deeds = {step.do for case in CASES for step in case.steps}
    assert deeds >= {
        Deed.ANSWER, Deed.WAIT, Deed.HANG, Deed.THROTTLE, Deed.ERROR, Deed.CUT, Deed.SHAPE,
        Deed.PROSE, Deed.BIGGER, Deed.ANOTHER_STOP,
    }  # fmt: skip
    advisory = {case.confidence: case.enters for case in CASES if case.told == "WAIT, advisory"}
    assert advisory == {0.65: False, 0.75: False, 0.76: True}


def test_the_page_shows_every_case() -> None:
    page = (ROOT / "docs" / "advice.md").read_text(encoding="utf-8")
    rows = [line.split() for line in page.splitlines()]
    for case in CASES:
        begins = [*case.told.split(), f"{case.confidence:.2f}"]
        ends = [case.code or "none", "entered" if case.enters else "refused"]
        assert any(row[: len(begins)] == begins and row[-2:] == ends for row in rows), case
    assert f"{len(CASES)} of {len(CASES)} as promised" in page


def test_the_market_runs_to_the_target_after_each_proposal() -> None:
    bars = market().session
    assert len(bars) == advice_demo.MINUTES
    assert all(after.open == before.close for before, after in pairwise(bars))
    assert bars[-1].close - bars[0].open == len(CASES) * advice_demo.RISE_TICKS


def test_the_other_role_is_answered_go() -> None:
    case = next(case for case in CASES if case.role is AdvisorRole.RISK)
    script = script_of(case)
    mine, other = script.next("RISK"), script.next("DECISION")
    assert mine is not None
    assert other is not None
    assert (mine.reply or {}) == advice_demo.ADVISORY
    assert (other.reply or {}) == GO


def seen(case: advice_demo.Case, *, codes: list[str], entered: bool, quantity: int = 1) -> Seen:
    """What a record may say of a case."""
    view = {
        "reason_codes": codes,
        "orders": [{"role": "E"}, {"role": "S"}] if entered else [],
        "fills": [Decimal(1)] if entered else [],
        "quantity": quantity,
        "advice": [{"advisor": "bedrock-decision", "decision": "GO", "failure": None}],
    }
    return Seen(case, view)


def test_a_case_that_was_interrupted_is_not_as_promised() -> None:
    cut = seen(CASES[0], codes=[], entered=False)
    cut = replace(cut, view={**cut.view, "advice": []})
    assert (cut.heard, cut.as_promised) == ("nothing", False)


def test_what_is_not_as_promised_is_seen() -> None:
    go, wait = CASES[0], next(case for case in CASES if case.told == "WAIT that binds")
    assert seen(go, codes=[], entered=True).as_promised
    assert seen(go, codes=[], entered=True).heard == "GO"
    assert not seen(go, codes=["AWS_WAIT"], entered=False).as_promised
    assert not seen(go, codes=[], entered=True, quantity=3).as_promised
    assert not seen(wait, codes=[], entered=True).as_promised
    assert not seen(wait, codes=["AWS_WAIT"], entered=True).as_promised
    assert not seen(replace(go, code="AWS_WAIT_OVERRIDE"), codes=[], entered=True).as_promised
