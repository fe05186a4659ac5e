"""`mytrader learn` from journals to decisions: what is shown, what is written, who must agree."""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from mytrader.config import load_settings
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.events import AdvisorCalled
from mytrader.domain.session import trading_date
from mytrader.journal.writer import JournalWriter
from mytrader.learning.desk import open_ledger
from mytrader.learning.ledger import Ledger, ledger_path
from mytrader.learning.outcomes import Ended, Material, outcomes_of
from mytrader.learning.parameters import Parameter
from mytrader.learning.proposals import Proposal
from mytrader.learning.standing import Agreed, Called, Proposed, Standings
from mytrader.replay.material import material_of
from mytrader.simulator.bedrock_script import Deed, Step
from mytrader.simulator.bedrock_server import BedrockServer
from tests.bedrock_samples import script
from tests.command_line import DATA, CommandLine, mytrader
from tests.domain_samples import CYCLE_ID
from tests.learning_journal import OPENING, Learn, learn, write_journal
from tests.learning_samples import a_closing, a_proposal

__all__ = ["learn", "mytrader"]

JUST_NOW = datetime.now(UTC).replace(microsecond=0)
TIGHTER = a_proposal(made_at=JUST_NOW)
LOOSER = a_proposal(Parameter.COOLDOWN, "60", safer=False, made_at=JUST_NOW)
NINE = a_closing(Parameter.HOURS, (), ("09",), made_at=JUST_NOW)
EMA = a_closing(Parameter.STRATEGIES, (), ("ema-cross",), made_at=JUST_NOW)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return write_journal(tmp_path / "x.journal")


def ledger_of(journal: Path) -> Ledger:
    """The ledger as the commands open it."""
    return open_ledger(load_settings(), journal, new_id=lambda: "L")


def proposed(journal: Path, *proposals: Proposal) -> Ledger:
    ledger = ledger_of(journal)
    for proposal in proposals:
        ledger.append(Proposed(proposal.made_at, proposal))
    return ledger


def state(learn: Learn, journal: Path, proposal: Proposal) -> str:
    shown = learn("proposals", "--journal", journal, "--json").json["proposals"]
    (one,) = [each for each in shown if each["proposal_id"] == proposal.proposal_id]
    return str(one["state"])


# Look


def test_a_look_shows_tables_lessons_and_refusals(learn: Learn, journal: Path) -> None:
    said = learn("--journal", journal, "--since", "2025-11-01")
    assert (said.status, said.err) == (0, "")
    assert "0 trades, 1 refused" in said.out
    assert "MODE" in said.out
    assert "482.70" in said.out
    assert "An exit opened a position" in said.out
    assert "No proposals." in said.out


def test_a_look_for_programs_is_one_object(learn: Learn, journal: Path) -> None:
    shown = learn("--journal", journal, "--since", "2025-11-01", "--json").json
    assert shown["total"]["trades"] == 0
    (row,) = shown["refusals"][0]["rows"]
    assert (row["name"], row["net_usd"], row["mean_r_interval"]) == ("MODE", "482.70", None)
    assert shown["lessons"][0]["avoid"] is True
    assert shown["next_start"]["values"]["trading.max_daily_trades"]["source"] == "settings"
    assert shown["journals"] == [str(journal)]


def test_what_is_older_than_asked_is_not_shown(learn: Learn, journal: Path) -> None:
    said = learn("--journal", journal, "--since", "2025-11-13", "--json")
    assert said.json["refusals"][0]["rows"] == []
    assert "No finished cycle" in learn("--journal", journal, "--since", "2025-11-13").out


def test_a_look_without_proposals_leaves_nothing_behind(learn: Learn, journal: Path) -> None:
    learn("--journal", journal)
    assert not ledger_path(journal).exists()
    assert not (journal.parent / "keys").exists()


def test_two_records_of_one_cycle_count_once(learn: Learn, journal: Path, tmp_path: Path) -> None:
    other = write_journal(tmp_path / "y.journal")
    shown = learn("--journal", journal, "--journal", other, "--since", "2025-11-01", "--json").json
    assert sum(row["trades"] for row in shown["refusals"][0]["rows"]) == 1


def test_a_picture_is_drawn(learn: Learn, journal: Path, tmp_path: Path) -> None:
    picture = tmp_path / "r.svg"
    said = learn("--journal", journal, "--since", "2025-11-01", "--report", picture)
    assert f"picture: {picture}" in said.out
    assert ET.parse(picture).getroot().tag.endswith("svg")  # noqa: S314 - our own


# With words


@pytest.fixture(name="writer")
def _writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[BedrockServer]:
    """A Bedrock on this machine that the settings name, where a person would: outside."""
    with BedrockServer(script()) as server:
        fields = {"enabled": "true", "region": "us-east-1", "endpoint_url": server.url}
        fields |= {"decision_agent_id": "A", "decision_agent_alias_id": "B"}
        fields |= {"learning_agent_id": "C", "learning_agent_alias_id": "D"}
        for name, value in fields.items():
            monkeypatch.setenv(f"MYTRADER__AWS_AGENTS__{name.upper()}", value)
        yield server


@pytest.mark.slow
def test_the_learning_agent_adds_words_to_the_lessons(
    learn: Learn, journal: Path, writer: BedrockServer
) -> None:
    writer.script = script(Step(reply="Nothing here speaks for more risk."))
    said = learn("--journal", journal, "--since", "2025-11-01", "--json")
    assert said.err == ""
    assert [one["words"] for one in said.json["lessons"]] == [
        "Nothing here speaks for more risk."
    ] * len(said.json["lessons"])
    assert {asked.target for asked in writer.asked} == {"C"}


@pytest.mark.slow
@pytest.mark.parametrize("step", [Step(reply="It lost 987654 dollars."), Step(do=Deed.ERROR)])
def test_whatever_it_does_the_lines_stand(
    learn: Learn, journal: Path, writer: BedrockServer, step: Step
) -> None:
    plain = learn("--journal", journal, "--no-words", "--json").json["lessons"]
    assert list(writer.asked) == []
    writer.script = script(step)
    said = learn("--journal", journal, "--json")
    assert (said.status, said.json["lessons"]) == (0, plain)
    assert list(writer.asked) != []
    assert said.err == (
        "agent/C/D wrote no words for some lessons (server_error); their lines stand\n"
        if step.do is Deed.ERROR
        else ""
    )


def calls_of(journal: Path) -> list[AdvisorCall]:
    """The calls that the ledger holds of its newest day."""
    standings = ledger_of(journal).read()
    assert isinstance(standings, Standings)
    return [call for _, call in standings.calls]


@pytest.mark.slow
def test_every_call_for_words_is_in_the_ledger_and_its_cost_is_shown(
    learn: Learn, journal: Path, writer: BedrockServer
) -> None:
    writer.script = script(Step(reply="Nothing here speaks for more risk."))
    shown = learn("--journal", journal, "--since", "2025-11-01", "--json").json["words"]
    count = len(writer.asked)
    assert count >= 1
    calls = calls_of(journal)
    assert [call.outcome for call in calls] == ["answered"] * count
    assert {(call.advisor, call.target) for call in calls} == {("bedrock-learning", "agent/C/D")}
    assert all(call.latency_ms > 0 for call in calls)
    assert shown["calls"] == msgspec.to_builtins(calls)
    assert shown["count"] == shown["today"]["count"] == count
    # An agent tells neither tokens nor dollars: what was set aside counts.
    assert (shown["tokens_in"], shown["cost_told"]) == (None, False)
    assert Decimal(shown["cost_usd"]) == count * Decimal("0.05")
    said = learn("--journal", journal, "--since", "2025-11-01")
    today = Decimal(shown["cost_usd"]) * 2
    assert f"Words: {count} calls, tokens not told, ${shown['cost_usd']} at worst" in said.out
    assert f"advisors outside today: {2 * count} calls, ${today} of $5" in said.out
    silent = learn("--journal", journal, "--no-words", "--json").json["words"]
    assert (silent["calls"], silent["today"]["count"]) == ([], 2 * count)


@pytest.mark.slow
def test_a_model_tells_tokens_and_dollars(
    learn: Learn, journal: Path, writer: BedrockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.script = script(Step(reply="Nothing here speaks for more risk."))
    for name in ("LEARNING_AGENT_ID", "LEARNING_AGENT_ALIAS_ID"):
        monkeypatch.delenv(f"MYTRADER__AWS_AGENTS__{name}")
    model = {"learning_model_id": "x", "price_in_usd_per_mtok": 3, "price_out_usd_per_mtok": 15}
    for name, value in model.items():
        monkeypatch.setenv(f"MYTRADER__AWS_AGENTS__{name.upper()}", str(value))
    shown = learn("--journal", journal, "--json").json["words"]
    assert shown["cost_told"] is True
    assert shown["tokens_in"] == sum(call.tokens_in or 0 for call in calls_of(journal)) > 0
    assert shown["tokens_out"] > 0
    assert Decimal(shown["cost_usd"]) > 0
    assert " tokens in, " in learn("--journal", journal).out


def test_words_are_paid_from_the_days_budget_of_all_advisors(
    learn: Learn, journal: Path, writer: BedrockServer
) -> None:
    """What an earlier look spent today is gone."""
    call = AdvisorCall("x", "agent/C/D", 1, "answered", 1.0, cost_usd=Decimal("4.98"))
    ledger_of(journal).append(Called(datetime.now(UTC), call))
    said = learn("--journal", journal, "--since", "2025-11-01")
    assert writer.asked == ()
    assert said.err == (
        "agent/C/D wrote no words for some lessons (budget_spent); their lines stand\n"
    )


def test_what_a_trader_spent_on_advice_today_is_gone_too(
    learn: Learn, journal: Path, writer: BedrockServer
) -> None:
    call = AdvisorCall("risk", "model/x", 1, "answered", 800.0, cost_usd=Decimal("4.98"))
    record, now = JournalWriter(journal, at=datetime.now(UTC), opening=OPENING), datetime.now(UTC)
    record.append(now, AdvisorCalled(CYCLE_ID, call), (), durable=True)
    record.close()
    shown = learn("--journal", journal, "--since", "2025-11-01", "--json").json["words"]
    assert (writer.asked, shown["calls"]) == ((), [])
    assert shown["today"] == {"count": 1, "cost_usd": "4.98"}


def test_with_a_damaged_ledger_nobody_is_asked_for_words(
    learn: Learn, journal: Path, writer: BedrockServer
) -> None:
    ledger = proposed(journal, TIGHTER)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"15"', b'"16"'))
    said = learn("--journal", journal)
    assert (said.status, writer.asked) == (0, ())
    assert said.err == "agent/C/D is not asked: its calls could not be written down\n"


@pytest.mark.slow
def test_a_call_that_cannot_be_written_down_is_said_and_is_the_last(
    learn: Learn, journal: Path, writer: BedrockServer
) -> None:
    writer.script = script(Step(reply="Nothing here speaks for more risk."))
    ledger_path(journal).with_name(f"{ledger_path(journal).name}.lock").mkdir()
    said = learn("--journal", journal)
    assert said.status == 2
    assert "a call to agent/C/D could not be written down: " in said.err
    assert len(writer.asked) == 1


@pytest.mark.parametrize("option", ["--dry-run", "--no-words", None])
def test_nobody_is_asked_who_was_not_wanted(
    learn: Learn,
    journal: Path,
    writer: BedrockServer,
    monkeypatch: pytest.MonkeyPatch,
    option: str | None,
) -> None:
    if option is None:
        monkeypatch.setenv("MYTRADER__AWS_AGENTS__ENABLED", "false")
    said = learn("--journal", journal, *([option] if option else []))
    assert (said.status, said.err, writer.asked) == (0, "", ())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "yesterday"], "--since yesterday: give a date"),
        (["--report", "r.png"], "a picture is drawn as .svg"),
        (["--report", "missing/r.svg"], "choose another place"),
        (["proposals", "--config", "missing.yaml"], "missing.yaml"),
        (["approve", "X"], "no proposal of that id"),
        (["approve", " "], "no proposal of that id"),
        (["discard"], "not discarded"),
    ],
)
def test_bad_input_is_one_line(
    learn: Learn, journal: Path, arguments: list[str], words: str
) -> None:
    said = learn(*arguments, "--journal", journal)
    assert said.status == 2
    assert words in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("folder", ["/", "."])
def test_a_folder_is_no_journal(learn: Learn, folder: str) -> None:
    learn("--journal", folder).is_one_line(f"journal {folder} is a directory", "--journal")


def test_without_a_journal_somebody_is_told_what_to_do(learn: Learn) -> None:
    said = learn()
    assert (said.status, said.out) == (2, "")
    assert "give one with --journal" in said.err


def test_the_usual_journal_is_taken(
    learn: Learn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    write_journal(tmp_path / "runs" / "run-0001.journal")
    assert learn("--json").json["journals"] == ["runs/run-0001.journal"]
    write_journal(tmp_path / "runs" / "mytrader.journal")
    assert learn("--json").json["journals"] == ["runs/mytrader.journal"]
    monkeypatch.setenv("MYTRADER__JOURNAL__PATH", str(tmp_path / "none.journal"))
    assert "does not exist" in learn().err


# Decide


def test_proposals_are_shown_with_code_and_effect(learn: Learn, journal: Path) -> None:
    proposed(journal, TIGHTER, LOOSER)
    out = learn("proposals", "--journal", journal).out
    for word in (TIGHTER.proposal_id, LOOSER.code, "waits for", "from the next", LOOSER.reason):
        assert word in out
    shown = learn("proposals", "--journal", journal, "--json").json
    assert [one["less_risk"] for one in shown["proposals"]] == [True, False]
    held = shown["next_start"]["values"]
    assert held["trading.max_daily_trades"]["value"] == "15"
    assert held["trading.trade_cooldown_minutes"]["source"] == "settings"


def test_more_risk_needs_its_code(learn: Learn, journal: Path) -> None:
    proposed(journal, LOOSER)
    arguments = ("approve", LOOSER.proposal_id, "--journal", journal)
    learn(*arguments).is_one_line("not approved", LOOSER.proposal_id, "--yes CODE")
    learn(*arguments, "--yes", "WRONG").is_one_line("not the code")
    assert state(learn, journal, LOOSER) == "waits for approval"
    said = learn(*arguments, "--yes", LOOSER.code.lower())
    assert said.status == 0
    assert "at its next start" in said.out
    assert state(learn, journal, LOOSER).startswith("approved by ")
    learn(*arguments, "--yes", LOOSER.code).is_one_line("was approved by")
    learn("reject", LOOSER.proposal_id, "--journal", journal).is_one_line("use revoke")


def test_the_code_may_be_typed(
    learn: Learn, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    proposed(journal, LOOSER)
    monkeypatch.setattr(sys, "stdin", Terminal(f"{LOOSER.code}\n"))
    said = learn("approve", LOOSER.proposal_id[:5], "--journal", journal, "--json")
    assert LOOSER.reason in said.out
    assert '"state": "approved by' in said.out


def test_what_waits_is_rejected_and_what_holds_is_revoked(learn: Learn, journal: Path) -> None:
    proposed(journal, TIGHTER, LOOSER)
    learn("revoke", LOOSER.proposal_id, "--journal", journal).is_one_line("use reject")
    learn("reject", TIGHTER.proposal_id, "--journal", journal).is_one_line("use revoke")
    assert learn("reject", LOOSER.proposal_id, "--journal", journal).status == 0
    assert state(learn, journal, LOOSER).startswith("rejected by ")
    learn("approve", LOOSER.proposal_id, "--journal", journal).is_one_line("is over")


def test_a_limit_that_gets_looser_by_a_revocation_needs_its_code(
    learn: Learn, journal: Path
) -> None:
    proposed(journal, TIGHTER)
    arguments = ("revoke", TIGHTER.proposal_id, "--journal", journal)
    learn(*arguments).is_one_line("not revoked", "not the code")
    assert learn(*arguments, "--yes", TIGHTER.code).status == 0
    shown = learn("proposals", "--journal", journal, "--json").json
    assert shown["next_start"]["values"]["trading.max_daily_trades"]["value"] == "20"
    assert any("revoked by" in note for note in shown["next_start"]["notes"])


def test_an_approval_is_revoked_without_a_code(learn: Learn, journal: Path) -> None:
    proposed(journal, LOOSER).append(Agreed(JUST_NOW, LOOSER.proposal_id, "ann"))
    assert learn("revoke", LOOSER.proposal_id, "--journal", journal).status == 0
    assert state(learn, journal, LOOSER).startswith("revoked by ")


def test_where_less_risk_asks_too_it_waits(
    learn: Learn, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYTRADER__LEARNING__TIGHTEN_BY_ITSELF", "false")
    proposed(journal, TIGHTER)
    assert state(learn, journal, TIGHTER) == "waits for approval"
    assert learn("reject", TIGHTER.proposal_id, "--journal", journal).status == 0


def test_closed_hours_and_strategies_are_shown_like_any_other(learn: Learn, journal: Path) -> None:
    proposed(journal, NINE, EMA)
    out = learn("proposals", "--journal", journal).out
    assert "trading.no_entry_hours from none to 09: from the next start on, code" in out
    assert "trading.no_entry_strategies from none to ema-cross: waits for approval, code" in out
    assert f"proposal {NINE.proposal_id}, trading.no_entry_hours closes 09: until" in out
    shown = learn("proposals", "--journal", journal, "--json").json
    hours, strategies = shown["proposals"]
    assert (hours["from"], hours["to"], hours["less_risk"]) == ([], ["09"], True)
    assert (strategies["to"], strategies["less_risk"]) == (["ema-cross"], True)
    held = shown["next_start"]["values"]
    assert held["trading.no_entry_hours"]["value"] == ["09"]
    assert NINE.proposal_id in held["trading.no_entry_hours"]["source"]
    assert held["trading.no_entry_strategies"] == {"value": [], "source": "settings"}


def test_a_strategy_is_closed_by_approval_and_an_hour_opened_by_its_code(
    learn: Learn, journal: Path
) -> None:
    proposed(journal, NINE, EMA)
    learn("revoke", EMA.proposal_id, "--journal", journal).is_one_line("use reject")
    approve = ("approve", EMA.proposal_id, "--journal", journal)
    learn(*approve).is_one_line("not the code")
    assert learn(*approve, "--yes", EMA.code).status == 0
    learn("revoke", NINE.proposal_id, "--journal", journal).is_one_line("not the code")
    revoke = ("revoke", NINE.proposal_id, "--journal", journal, "--yes", NINE.code)
    assert learn(*revoke).status == 0
    shown = learn("proposals", "--journal", journal, "--json").json["next_start"]["values"]
    assert shown["trading.no_entry_hours"]["value"] == []
    assert shown["trading.no_entry_strategies"]["value"] == ["ema-cross"]


def test_a_short_id_that_two_share_is_not_guessed(learn: Learn, journal: Path) -> None:
    made = [a_proposal(made_at=JUST_NOW, days=days) for days in range(1, 40)]
    proposed(journal, *made)
    first: dict[str, int] = {}
    for one in made:
        first[one.proposal_id[0]] = first.get(one.proposal_id[0], 0) + 1
    letter = max(first, key=lambda each: first[each])
    learn("approve", letter, "--journal", journal).is_one_line("proposals of that id")


def test_a_damaged_ledger_is_said_everywhere_and_put_aside_by_a_person(
    learn: Learn, journal: Path
) -> None:
    ledger = proposed(journal, TIGHTER)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"15"', b'"16"'))
    learn("proposals", "--journal", journal).is_one_line("line 2 was changed")
    learn("approve", TIGHTER.proposal_id, "--journal", journal).is_one_line("line 2 was changed")
    said = learn("--journal", journal)
    assert (said.status, "NO ENTRIES" in said.out) == (0, True)
    assert "line 2 was changed" in learn("--journal", journal, "--json").json["ledger_damaged"]
    learn("discard", "--journal", journal, "--yes", "NO").is_one_line("not discarded")
    assert "put aside as" in learn("discard", "--journal", journal, "--yes", "discard").out
    assert learn("proposals", "--journal", journal).out == "No proposals.\n"
    proposed(journal, LOOSER)
    aside = Path(
        learn("discard", "--journal", journal, "--yes", "DISCARD", "--json").json["put_aside"]
    )
    assert aside.exists()


# With a real run


@pytest.mark.slow
def test_a_whole_run_is_learned_from(mytrader: CommandLine, learn: Learn, tmp_path: Path) -> None:
    """A real session where its bars are at hand, else the synthetic one; judged once more."""
    journal = tmp_path / "run.journal"
    real = DATA / "es-1m-2025-11.parquet"
    day = ("--bars", real, "--date", "2025-11-07") if real.exists() else ()
    summary = mytrader("run", *day, "--journal", journal, "--json").json
    since = ("--journal", journal, "--since", "2025-11-01")
    shown = learn(*since, "--json", "--dry-run").json
    assert shown["total"]["trades"] == summary["closed_cycles"]
    assert shown["total"]["net_usd"] == summary["net_usd"]
    assert shown["total"]["commission_usd"] == summary["commission_usd"]
    first = shown["refusals"][0]["rows"]
    counts = {row["name"]: row["trades"] + row["unknown"] + row["overlapping"] for row in first}
    assert counts == summary["refusals"]
    measure = shown["convention"]
    assert measure["agreed"] >= 0.9 * measure["trades"]
    again = learn(*since, "--json", "--dry-run").json
    assert {**again, "made_at": ""} == {**shown, "made_at": ""}, "exactly reproducible"
    assert not ledger_path(journal).exists()


@pytest.mark.slow
def test_what_real_days_would_have_earned_ends_on_their_own_day(
    mytrader: CommandLine, tmp_path: Path
) -> None:
    real = DATA / "es-1m-2025-12-12.parquet"
    if not real.exists():
        pytest.skip("the bars of 2025-12-12 (../shared/data) are absent")
    journal = tmp_path / "run.journal"
    mytrader("run", "--bars", real, "--journal", journal, "--json")
    material: Material = material_of(journal)
    refused = [one for one in outcomes_of(material) if one.ended is Ended.REFUSED]
    known = [one.would_be for one in refused if one.would_be is not None]
    assert known
    assert {trading_date(one.left_at) for one in known} == {trading_date(known[0].entered_at)}
    assert all(one.entered_at < one.left_at for one in known)
