"""What the spool promises to whoever answered because of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns.hits import SpoolFull, SpoolReader, SpoolWriter, id_milliseconds, make_id


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def read_all(reader: SpoolReader, limit: int = 5000) -> list[int]:
    numbers: list[int] = []
    for chunk in reader.chunks(limit):
        numbers += [record["n"] for record in chunk.records]
        reader.done(chunk)
    return numbers


def numbered(*numbers: int) -> list[dict[str, object]]:
    return [{"n": number, "agent": "ü" * 900} for number in numbers]


def test_an_id_holds_its_time_and_ids_sort_by_it() -> None:
    assert id_milliseconds(make_id(1_700_000_000_123)) == 1_700_000_000_123
    assert str(make_id(1000)) < str(make_id(1001))
    assert make_id().version == 7


def test_open_and_sealed_segments_are_read_once_each_and_in_order(spool: Path) -> None:
    writer, reader = SpoolWriter(spool), SpoolReader(spool)
    writer.append(numbered(1, 2))
    assert read_all(reader) == [1, 2]
    writer.append(numbered(3))
    writer.seal()
    writer.append(numbered(4))
    assert read_all(reader) == [3, 4]
    assert read_all(reader) == []
    assert [path.suffix for path in spool.iterdir()] == [".open"]


def test_records_longer_than_a_small_limit_are_neither_lost_nor_deleted(spool: Path) -> None:
    writer, reader = SpoolWriter(spool), SpoolReader(spool)
    writer.append(numbered(1, 2, 3))
    writer.seal()
    assert not reader.is_empty()
    assert read_all(reader, limit=1) == [1, 2, 3]
    assert reader.is_empty()


def test_a_chunk_that_was_not_stored_comes_again(spool: Path) -> None:
    writer, reader = SpoolWriter(spool), SpoolReader(spool)
    writer.append(numbered(1, 2, 3))
    writer.seal()
    assert [record["n"] for chunk in reader.chunks(2) for record in chunk.records] == [1, 2]
    assert read_all(reader) == [1, 2, 3]


def test_a_torn_last_line_of_a_dead_process_is_left_out_and_the_rest_is_read(spool: Path) -> None:
    code = (
        "import os, sys, pathlib; from campaigns.hits import SpoolWriter\n"
        "w = SpoolWriter(pathlib.Path(sys.argv[1])); w.append([{'n': 1}]); w.append([{'n': 2}])\n"
        "os.write(w._file_descriptor, b'{\"n\": 3'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(spool)], check=False)
    reader = SpoolReader(spool)
    assert read_all(reader) == [1, 2]
    assert list(spool.iterdir()) == []


def test_a_line_that_is_no_record_does_not_stop_the_others(spool: Path) -> None:
    (spool / "0-1.sealed").write_bytes(b'nonsense\n[1]\n{"n": 1}\n')
    assert read_all(SpoolReader(spool), limit=1) == [1]
    assert list(spool.iterdir()) == []


def test_a_living_writer_keeps_its_segment(spool: Path) -> None:
    writer, reader = SpoolWriter(spool), SpoolReader(spool)
    writer.append(numbered(1))
    assert read_all(reader) == [1]
    assert read_all(reader) == []
    writer.append(numbered(2))
    assert read_all(reader) == [2]


def test_a_group_that_did_not_fit_leaves_nothing_behind_and_the_next_one_is_whole(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = SpoolWriter(spool), SpoolReader(spool)
    writer.append(numbered(1))

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[: len(data) - 50])

    real = os.write
    monkeypatch.setattr(os, "write", half)
    with pytest.raises(SpoolFull):
        writer.append(numbered(2))
    monkeypatch.undo()
    writer.append(numbered(3))
    assert read_all(reader) == [1, 3]


def test_a_segment_that_cannot_be_begun_is_begun_anew_later(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, reader = SpoolWriter(spool), SpoolReader(spool)

    def refuse(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(SpoolFull):
        writer.append(numbered(1))
    monkeypatch.undo()
    writer.append(numbered(2))
    assert read_all(reader) == [2]
    assert len(list(spool.iterdir())) == 1
