"""The ledger: durable, in order, signed; whatever was done to it is found and named."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.decision import AdvisorCall
from mytrader.errors import BadInput
from mytrader.learning.ledger import Damaged, Ledger, ledger_path
from mytrader.learning.parameters import Parameter
from mytrader.learning.proposals import Proposal
from mytrader.learning.seal import KEY_NAME, NOTES_NAME, Seal
from mytrader.learning.standing import Agreed, Called, Proposed, Revoked, Standings, Status
from tests.learning_samples import NOW, a_ledger, a_proposal, a_seal, key

TIGHTER = a_proposal()
LOOSER = a_proposal(Parameter.COOLDOWN, "60", safer=False)


def filled(folder: Path) -> Ledger:
    """A ledger of four lines: its opening, two proposals, one approval."""
    ledger = a_ledger(folder)
    ledger.append(Proposed(NOW, TIGHTER))
    ledger.append(Proposed(NOW, LOOSER))
    ledger.append(Agreed(NOW, LOOSER.proposal_id, "ann"))
    return ledger


def lines(ledger: Ledger) -> list[bytes]:
    return ledger.path.read_bytes().splitlines(keepends=True)


def why(ledger: Ledger) -> str:
    """What is said of a damaged ledger."""
    found = ledger.read()
    assert isinstance(found, Damaged), found
    assert str(ledger.path) in found.why
    assert "\n" not in found.why
    return found.why


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    filled(tmp_path)
    found = a_ledger(tmp_path).read()
    assert isinstance(found, Standings)
    assert (found.entries, found.ledger_id) == (4, "L x.journal")
    assert found.by_id[TIGHTER.proposal_id].proposal == TIGHTER
    assert found.by_id[LOOSER.proposal_id].status is Status.APPROVED


def test_a_ledger_that_never_was_holds_nothing_and_looking_makes_nothing(tmp_path: Path) -> None:
    assert a_ledger(tmp_path).read() == Standings()
    assert list(tmp_path.iterdir()) == []


def test_two_names_of_a_journal_have_one_ledger(tmp_path: Path) -> None:
    (tmp_path / "a.journal").touch()
    (tmp_path / "b.journal").symlink_to(tmp_path / "a.journal")
    assert ledger_path(tmp_path / "b.journal") == tmp_path / "a.journal.proposals.jsonl"


def test_an_entry_that_does_not_follow_is_not_written(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    before = lines(ledger)
    with pytest.raises(BadInput, match="cannot be approved"):
        ledger.append(Agreed(NOW, LOOSER.proposal_id, "ann"))
    assert lines(ledger) == before


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    assert filled(tmp_path).path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"ann"', b'"bob"'),
        (b'"approved"', b'"revoked"'),
        (b'"value":"50"', b'"value":"51"'),
        (b'"number":3', b'"number":4'),
        (b'"expires_at":"2025-11-28', b'"expires_at":"2025-12-28'),
        (b'"low_r":-1.0', b'"low_r":-9.0'),
        (b'"number":2', b'"number": 2'),
        (b'"number":2', b'"number":2,"also":1'),
        (b"[", b"!"),
    ],
)
def test_a_changed_line_is_found_and_named(tmp_path: Path, old: bytes, new: bytes) -> None:
    ledger = filled(tmp_path)
    number = next(place for place, line in enumerate(lines(ledger), 1) if old in line)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(old, new, 1))
    assert f"line {number} " in why(ledger)


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_line_that_is_missing_is_named(tmp_path: Path, gone: int) -> None:
    ledger = filled(tmp_path)
    left = lines(ledger)
    del left[gone]
    ledger.path.write_bytes(b"".join(left))
    assert f"line {gone + 1} is missing" in why(ledger)


def test_lines_in_another_order_are_named(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    one, two, three, four = lines(ledger)
    ledger.path.write_bytes(b"".join([one, three, two, four]))
    assert "line 2 is missing: number 3 stands there" in why(ledger)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_lines_that_were_cut_off_at_the_end_are_missed(tmp_path: Path, kept: int) -> None:
    """The chain of what is left holds; only the note of the end shows it."""
    ledger = filled(tmp_path)
    ledger.path.write_bytes(b"".join(lines(ledger)[:kept]))
    assert f"it ends behind line {kept}, and had 4" in why(ledger)


def test_a_last_line_that_lost_its_end_is_missed_too(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    ledger.path.write_bytes(ledger.path.read_bytes()[:-1])
    assert "it ends behind line 3" in why(ledger)


def test_a_ledger_that_is_gone_is_missed(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    ledger.path.unlink()
    assert "the file is gone, and had 4 lines" in why(ledger)


def test_a_line_of_another_ledger_does_not_fit(tmp_path: Path) -> None:
    """It has the right key and the right number, and follows another line."""
    ledger = filled(tmp_path)
    other = a_ledger(tmp_path, name="y.journal")
    other.append(Proposed(NOW, LOOSER))
    other.append(Proposed(NOW, TIGHTER))
    mixed = [*lines(ledger)[:2], lines(other)[2], *lines(ledger)[3:]]
    ledger.path.write_bytes(b"".join(mixed))
    assert "line 3 does not follow" in why(ledger)


def test_another_key_holds_nothing(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    other = Ledger(ledger.path, Seal(tmp_path / "other", draw=lambda n: b"z" * n), new_id=str)
    assert "line 1 was changed, or signed with another key" in why(other)
    other._seal.sign(b"so that there is a key")
    assert "line 1 was changed, or signed with another key" in why(other)


def test_notes_or_a_key_that_cannot_be_used_damage_the_ledger(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    (tmp_path / "keys" / KEY_NAME).chmod(0o644)
    assert "others can read the key" in why(ledger)
    (tmp_path / "keys" / KEY_NAME).chmod(0o600)
    (tmp_path / "keys" / NOTES_NAME).write_text("{")
    assert "is damaged" in why(ledger)
    (tmp_path / "keys" / NOTES_NAME).unlink()
    assert "it ends behind line 4, and had more" in why(ledger)


def test_a_key_folder_that_cannot_be_looked_into_damages_the_ledger(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    beyond = Ledger(ledger.path, Seal(tmp_path / ("x" * 300), draw=key), new_id=str)
    assert "cannot read it" in why(beyond)
    assert "cannot read it" in why(Ledger(tmp_path / "none", beyond._seal, new_id=str))


def test_a_signed_line_that_does_not_follow_damages_it_too(tmp_path: Path) -> None:
    """Somebody has the key and no sense: what we would never write is not taken."""
    ledger = filled(tmp_path)
    chain = ledger._chain(ledger._content())
    odd = replace(chain, standings=replace(chain.standings, by_id={}))
    ledger._write(odd, Proposed(NOW, TIGHTER))
    assert f"line 5: proposal {TIGHTER.proposal_id} was made before" in why(ledger)


def test_nothing_is_appended_to_a_damaged_ledger(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    ledger.path.write_bytes(b"".join(lines(ledger)[:2]))
    with pytest.raises(BadInput, match="it ends behind line 2"):
        ledger.append(Revoked(NOW, TIGHTER.proposal_id, "ann"))
    assert len(lines(ledger)) == 2


def test_a_crash_within_a_line_loses_that_line_alone(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    with ledger.path.open("ab") as file:
        file.write(lines(ledger)[3][:40])
    assert isinstance(ledger.read(), Standings)
    ledger.append(Revoked(NOW, TIGHTER.proposal_id, "ann"))
    found = a_ledger(tmp_path).read()
    assert isinstance(found, Standings)
    assert found.entries == 5


def test_a_crash_between_the_line_and_its_note_loses_nothing(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    notes = tmp_path / "keys" / NOTES_NAME
    before = notes.read_bytes()
    ledger.append(Revoked(NOW, TIGHTER.proposal_id, "ann"))
    notes.write_bytes(before)
    found = ledger.read()
    assert isinstance(found, Standings)
    assert found.entries == 5


def test_a_crash_behind_the_very_first_line_loses_nothing(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    ledger.append(Proposed(NOW, TIGHTER))
    ledger.path.write_bytes(lines(ledger)[0])
    (tmp_path / "keys" / NOTES_NAME).unlink()
    found = ledger.append(Proposed(NOW, LOOSER))
    assert list(found.by_id) == [LOOSER.proposal_id]


def test_a_full_disk_is_said_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = filled(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(BadInput, match="No space left"):
            ledger.append(Revoked(NOW, TIGHTER.proposal_id, "ann"))
    # The bytes may have reached the file: then the line holds, for it is whole and signed.
    assert isinstance(ledger.read(), Standings)


def test_a_ledger_that_was_moved_with_its_journal_holds(tmp_path: Path) -> None:
    """The note of its end is found by its id; cut off on the way, it is missed."""
    ledger = filled(tmp_path)
    moved = Ledger(tmp_path / "moved.jsonl", a_seal(tmp_path / "keys"), new_id=str)
    ledger.path.rename(moved.path)
    assert isinstance(moved.read(), Standings)
    whole = moved.path.read_bytes()
    moved.path.write_bytes(b"".join(lines(moved)[:3]))
    assert "it ends behind line 3, and had more" in why(moved)
    moved.path.write_bytes(whole)
    assert moved.append(Revoked(NOW, TIGHTER.proposal_id, "ann")).entries == 5


def test_a_copy_and_its_original_live_side_by_side(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    copy = Ledger(tmp_path / "copy.jsonl", a_seal(tmp_path / "keys"), new_id=str)
    copy.path.write_bytes(ledger.path.read_bytes())
    copy.append(Revoked(NOW, TIGHTER.proposal_id, "ann"))
    assert isinstance(ledger.read(), Standings)
    third = Ledger(tmp_path / "third.jsonl", a_seal(tmp_path / "keys"), new_id=str)
    third.path.write_bytes(ledger.path.read_bytes())
    assert isinstance(third.read(), Standings)


def test_a_person_puts_a_damaged_ledger_aside(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    cut = b"".join(lines(ledger)[:2])
    ledger.path.write_bytes(cut)
    aside = ledger.put_aside(NOW)
    assert aside.read_bytes() == cut
    assert ledger.read() == Standings()
    assert ledger.append(Proposed(NOW, TIGHTER)).entries == 2
    with pytest.raises(BadInput, match="exists already"):
        ledger.put_aside(NOW)
    ledger.path.unlink()
    ledger.put_aside(NOW + timedelta(seconds=1))
    assert ledger.read() == Standings()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path / "missing")
    with pytest.raises(BadInput, match="cannot lock it"):
        ledger.append(Proposed(NOW, TIGHTER))
    folder = a_ledger(tmp_path)
    folder.path.mkdir()
    assert "cannot read it" in why(folder)
    with pytest.raises(BadInput, match="cannot read it"):
        folder.append(Proposed(NOW, TIGHTER))


def test_writers_at_once_wait_for_each_other(tmp_path: Path) -> None:
    made = [a_proposal(days=days) for days in range(1, 13)]

    def write(proposals: list[Proposal]) -> None:
        ledger = a_ledger(tmp_path)
        for proposal in proposals:
            ledger.append(Proposed(NOW, proposal))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [made[start::4] for start in range(4)]))
    found = a_ledger(tmp_path).read()
    assert isinstance(found, Standings)
    assert set(found.by_id) == {one.proposal_id for one in made}


def test_a_line_is_json_that_a_person_can_read(tmp_path: Path) -> None:
    first, second, *_ = (json.loads(line) for line in lines(filled(tmp_path)))
    assert first["entry"]["kind"] == "opened"
    assert second["entry"]["proposal"]["parameter"] == "trading.max_daily_trades"


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_no_single_byte_can_be_changed_unseen(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever byte is changed, removed or added: damaged, and nothing takes effect."""
    ledger = a_ledger(tmp_path) if ledger_path(tmp_path / "x.journal").exists() else None
    ledger = ledger or filled(tmp_path)
    whole = (tmp_path / "whole").read_bytes() if (tmp_path / "whole").exists() else None
    if whole is None:
        whole = ledger.path.read_bytes()
        (tmp_path / "whole").write_bytes(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    put, taken = data.draw(st.binary(max_size=2)), data.draw(st.integers(0, 2))
    ledger.path.write_bytes(whole[:place] + put + whole[place + taken :])
    if ledger.path.read_bytes() != whole:
        assert isinstance(ledger.read(), Damaged)
    ledger.path.write_bytes(whole)


def test_a_call_is_read_again_as_it_was_written(tmp_path: Path) -> None:
    """Odd numbers too: whoever reads compares the bytes."""
    ledger = filled(tmp_path)
    calls = [
        AdvisorCall("x", "model/y", 1, "answered", 812.003, 1700, 61, Decimal("0.006015")),
        AdvisorCall("x", "model/y", 1, "abandoned", 0.0, reserved_usd=Decimal("1E-7")),
    ]
    for call in calls:
        ledger.append(Called(NOW, call))
    found = a_ledger(tmp_path).read()
    assert isinstance(found, Standings)
    assert [call for _, call in found.calls] == calls
    assert b'"kind":"call"' in lines(ledger)[-1]
