"""The file gives back what it took; damaged it begins anew, and it never touches another's."""

import sqlite3
from contextlib import closing
from math import isfinite
from pathlib import Path

import pytest

from mytrader.domain.memory import TradeDocument
from mytrader.errors import BadInput
from mytrader.rag.likeness import place_of
from mytrader.rag.memory_file import Damaged, Entry, MemoryFile, vector_bytes
from tests.memory_samples import a_document, random_documents


def entry(document: TradeDocument, *, seed: bool = False) -> Entry:
    return Entry(document, place_of(document), seed)


def entries(count: int) -> list[Entry]:
    return [entry(a_document(number)) for number in range(1, count + 1)]


def ids(file: MemoryFile) -> list[int]:
    return [int(document.document_id) for document in file.documents()]


def test_everything_comes_back_from_the_disk_as_it_went_in(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    documents = random_documents(seed=2, count=30)
    file = MemoryFile(path)
    written, gone = file.write([entry(each) for each in documents], keep=100)
    assert (len(written), gone) == (30, [])
    file.close()
    again = MemoryFile(path)
    assert list(again.documents()) == documents
    assert again.fetch([number for number, _ in written]) == {
        number: each.document for number, each in written
    }
    assert {row.number: row.vector for row in again.rows()} == {
        number: vector_bytes(each.place) for number, each in written
    }
    assert again.find(documents[3].document_id) == documents[3]
    assert again.find("nobody") is None
    again.close()


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path / "t.memory")
    first, _ = file.write(entries(3), keep=10)
    assert file.write(entries(3), keep=10) == ([], [])
    changed = entry(a_document(2, lesson="another"))
    assert file.write([changed], keep=10) == ([(first[1][0], changed)], [])
    assert ids(file) == [1, 2, 3]
    file.close()


def test_beyond_the_bound_the_oldest_goes_and_seeds_stay() -> None:
    file = MemoryFile(None)
    file.write([entry(a_document(0), seed=True)], keep=3)
    file.write(entries(5), keep=3)
    assert ids(file) == [0, 3, 4, 5]
    written, gone = file.write([entry(a_document(1))], keep=3)
    assert [number for number, _ in written] == gone
    assert ids(file) == [0, 3, 4, 5]
    file.close()


def test_anew_replaces_everything_or_nothing(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path / "t.memory")
    before, _ = file.write(entries(4), keep=10)
    written, gone = file.write([entry(a_document(9))], keep=10, anew=True)
    assert sorted(gone) == [number for number, _ in before]
    assert not {number for number, _ in written} & set(gone)
    assert ids(file) == [9]

    class Broken(Exception):
        pass

    def breaks() -> list[Entry]:
        raise Broken

    with pytest.raises(Broken):
        file.write((each for _ in [1] for each in breaks()), keep=10, anew=True)
    assert ids(file) == [9]
    file.close()


def test_a_document_that_is_gone_from_under_a_search_is_damage() -> None:
    file = MemoryFile(None)
    with pytest.raises(Damaged, match="not where it was put"):
        file.fetch([7])
    file.close()


def harmed(path: Path) -> list[bytes]:
    """Every file that some harm may leave behind."""
    whole = path.read_bytes()
    return [
        b"not a database at all",
        b"\x00" * len(whole),
        whole[:100],
        whole[: len(whole) // 2],
        whole[:4096] + b"\xff" * 4096 + whole[8192:],
        whole[:-4096] + b"\xaa" * 4096,
    ]


def test_a_damaged_file_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    file = MemoryFile(path)
    file.write(entries(300), keep=1000)
    file.close()
    for number, text in enumerate(harmed(path)):
        at = tmp_path / f"{number}.memory"
        at.write_bytes(text)
        again = MemoryFile(at)
        assert again.begun_anew, number
        assert ids(again) == []
        again.write(entries(1), keep=10)
        again.close()
        assert (tmp_path / f"{number}.memory.damaged").read_bytes() == text
        assert MemoryFile(at).begun_anew is None


def test_a_file_of_another_format_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    MemoryFile(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 7")
    assert MemoryFile(path).begun_anew == "it has format 7, this version writes 1"


def test_a_vector_of_the_wrong_size_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    file = MemoryFile(path)
    file.write(entries(2), keep=10)
    file.close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE documents SET vector = x'00' WHERE number = 2")
    assert MemoryFile(path).begun_anew == "a vector has the wrong size"


def test_vectors_of_an_older_rule_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    file = MemoryFile(path)
    file.write(entries(2), keep=10)
    expected = file.rows()
    file.close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE documents SET vector = zeroblob(36)")
        database.execute("UPDATE facts SET value = 0")
    again = MemoryFile(path)
    assert again.begun_anew is None
    assert again.rows() == expected
    again.close()


def test_a_document_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    file = MemoryFile(path)
    ((number, _),), _gone = file.write(entries(1), keep=10)
    file.close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE documents SET document = 'nonsense'")
    again = MemoryFile(path)
    with pytest.raises(Damaged, match="cannot be read"):
        again.fetch([number])
    again.close()


def test_what_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    """A path that names the journal, or any file, must not cost that file."""
    other = tmp_path / "a.journal"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE things (name)")
    text = tmp_path / "notes.txt"
    text.write_text("mine")
    for path in (other, text):
        before = path.read_bytes()
        with pytest.raises(BadInput, match="left alone: choose another"):
            MemoryFile(path)
        assert path.read_bytes() == before


def test_a_path_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "t.memory"):
        with pytest.raises(BadInput, match="memory ") as told:
            MemoryFile(path)
        assert "\n" not in str(told.value)


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    file = MemoryFile(path)
    file.write(entries(1), keep=10)
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    file.close()


def test_only_writes_of_others_count_as_changes(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    one, other = MemoryFile(path), MemoryFile(path)
    one.write(entries(1), keep=10)
    other.write(entries(1), keep=10)
    assert not one.changed_elsewhere()
    other.write(entries(2), keep=10)
    assert one.changed_elsewhere()
    assert one.changed_elsewhere(), "until it is read"
    one.rows()
    assert not one.changed_elsewhere()
    one.close()
    other.close()


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    path.touch()
    file = MemoryFile(path)
    assert file.begun_anew is None
    assert ids(file) == []
    file.close()


def test_one_writes_while_others_read(tmp_path: Path) -> None:
    path = tmp_path / "t.memory"
    writer, reader = MemoryFile(path), MemoryFile(path)
    writer.write(entries(2), keep=10)
    assert ids(reader) == [1, 2]
    reader.close()
    writer.write(entries(3), keep=10)
    writer.close()
    assert ids(MemoryFile(path)) == [1, 2, 3]


def test_a_process_that_ends_without_a_word_loses_nothing_written(tmp_path: Path) -> None:
    """What was written is in the write-ahead log, which the next one reads."""
    path = tmp_path / "t.memory"
    file = MemoryFile(path)
    file.write(entries(5), keep=10)
    copy = tmp_path / "copy.memory"
    for part in ("", "-wal"):
        copy.with_name(copy.name + part).write_bytes(path.with_name(path.name + part).read_bytes())
    assert ids(MemoryFile(copy)) == [1, 2, 3, 4, 5]
    file.close()


def test_stored_vectors_are_finite() -> None:
    file = MemoryFile(None)
    file.write([entry(each) for each in random_documents(3, 20)], keep=100)
    assert all(isfinite(each) for row in file.rows() for each in memoryview(row.vector).cast("f"))
    file.close()
