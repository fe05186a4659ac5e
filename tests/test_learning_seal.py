"""The key is made once, for its owner alone; ends of ledgers are remembered and signed."""

import os
import stat
from pathlib import Path

import pytest

from mytrader.errors import BadInput
from mytrader.learning.seal import KEY_NAME, NOTES_NAME, End, Seal
from tests.learning_samples import KEY, a_seal

END = End("L", 3, "mac")


def test_the_first_signature_makes_the_key_for_its_owner_alone(tmp_path: Path) -> None:
    seal = a_seal(tmp_path / "new" / "keys")
    assert not seal.has_key
    mac = seal.sign(b"content")
    path = tmp_path / "new" / "keys" / KEY_NAME
    assert path.read_bytes() == KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert seal.holds(b"content", mac)
    assert not seal.holds(b"other", mac)


def test_a_key_that_exists_is_kept(tmp_path: Path) -> None:
    mac = a_seal(tmp_path).sign(b"content")
    assert Seal(tmp_path, draw=lambda n: b"z" * n).sign(b"content") == mac


def test_without_a_key_no_signature_holds_and_none_is_made_by_looking(tmp_path: Path) -> None:
    seal = a_seal(tmp_path / "keys")
    assert not seal.holds(b"content", "0" * 64)
    assert seal.end_of(tmp_path / "x") is None
    assert seal.ends_of_id("L") == ()
    assert not (tmp_path / "keys").exists()


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    seal = a_seal(tmp_path)
    seal.sign(b"content")
    (tmp_path / KEY_NAME).chmod(0o640)
    with pytest.raises(BadInput, match="others can read the key: chmod 600"):
        seal.sign(b"content")


def test_a_key_of_another_length_is_not_used(tmp_path: Path) -> None:
    (tmp_path / KEY_NAME).touch(0o600)
    with pytest.raises(BadInput, match="is no key of ours"):
        a_seal(tmp_path).sign(b"content")


def test_an_end_is_found_by_the_ledger_and_by_its_id(tmp_path: Path) -> None:
    seal = a_seal(tmp_path)
    seal.note(tmp_path / "a", END)
    seal.note(tmp_path / "b", End("M", 1, "other"))
    (tmp_path / "link").symlink_to(tmp_path / "a")
    again = a_seal(tmp_path)
    assert again.end_of(tmp_path / "a") == again.end_of(tmp_path / "link") == END
    assert again.ends_of_id("L") == (END,)
    seal.note(tmp_path / "a", None)
    assert again.end_of(tmp_path / "a") is None
    assert again.end_of(tmp_path / "b") is not None


@pytest.mark.parametrize("old", [b'"lines":3', b"mac"])
def test_notes_that_were_changed_are_noticed(tmp_path: Path, old: bytes) -> None:
    seal = a_seal(tmp_path)
    seal.note(tmp_path / "a", END)
    path = tmp_path / NOTES_NAME
    path.write_bytes(path.read_bytes().replace(old, old[:-1] + b"2", 1))
    with pytest.raises(BadInput, match=r"was changed|is damaged"):
        seal.end_of(tmp_path / "a")


@pytest.mark.parametrize("text", [b"", b"{", b'{"ends":3}', b"\xff\xfe"])
def test_notes_that_cannot_be_read_are_not_taken_for_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / NOTES_NAME).write_bytes(text)
    with pytest.raises(BadInput, match="is damaged"):
        a_seal(tmp_path).end_of(tmp_path / "a")


def test_a_new_key_does_not_hold_old_notes(tmp_path: Path) -> None:
    a_seal(tmp_path).note(tmp_path / "a", END)
    (tmp_path / KEY_NAME).unlink()
    with pytest.raises(BadInput, match="or its key was"):
        Seal(tmp_path, draw=lambda n: b"z" * n).end_of(tmp_path / "a")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"cannot make it .*learning\.key_folder"):
        a_seal(tmp_path / "file" / "keys").sign(b"content")


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / NOTES_NAME).mkdir()
    with pytest.raises(BadInput, match="cannot read it"):
        a_seal(tmp_path).end_of(tmp_path / "a")
    (tmp_path / KEY_NAME).mkdir()
    with pytest.raises(BadInput, match="cannot read it"):
        a_seal(tmp_path).sign(b"content")


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    seal = a_seal(tmp_path)
    seal.sign(b"content")
    (tmp_path / NOTES_NAME).mkdir()
    (tmp_path / NOTES_NAME / "file").touch()
    with pytest.raises(BadInput, match="cannot"):
        seal.note(tmp_path / "a", END)
    (tmp_path / f"{NOTES_NAME}.lock").unlink()
    (tmp_path / f"{NOTES_NAME}.lock").mkdir()
    with pytest.raises(BadInput, match="cannot open it"):
        seal.note(tmp_path / "a", END)


def test_a_write_is_whole_and_durable_before_it_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash before the replacement leaves the old notes."""
    seal = a_seal(tmp_path)
    seal.note(tmp_path / "a", END)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left"):
        seal.note(tmp_path / "a", End("L", 4, "next"))
    assert seal.end_of(tmp_path / "a") == END


@pytest.mark.parametrize("mac", ["é" * 64, "\ud83d", "", "0" * 64])
def test_what_is_no_signature_of_ours_does_not_hold(tmp_path: Path, mac: str) -> None:
    """A damaged one may hold any character; to compare must not fail."""
    seal = a_seal(tmp_path)
    assert seal.holds(b"x", seal.sign(b"x"))
    assert not seal.holds(b"x", mac)
