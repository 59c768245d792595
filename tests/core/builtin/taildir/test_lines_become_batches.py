from __future__ import annotations

import logging
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core._builtin.taildir import cutter
from flume_core._builtin.taildir.cutter import BLOCK
from flume_core.source import Status
from tests.core.builtin.taildir.rig import LONG, Rig, bodies, lines


def test_a_batch_has_at_most_batch_size_lines(rig: Rig) -> None:
    rig.make(batchSize="4")
    rig.write("a.log", lines(1, 10))
    rig.start()
    rig.source.poll()
    assert [len(batch) for batch in rig.channel.batches] == [4, 4, 2]
    assert all(batch.is_block for batch in rig.channel.batches)


def test_batches_are_full_across_blocks(rig: Rig) -> None:
    rig.make(batchSize="1000")
    rig.write("a.log", lines(1, 400_000))
    rig.start()
    while rig.source.poll() is Status.READY:
        pass
    sizes = [len(batch) for batch in rig.channel.batches]
    assert sizes == [1000] * 400
    assert rig.channel.lines == bodies(1, 400_000)


def test_a_batch_larger_than_a_block_is_a_block(rig: Rig) -> None:
    rig.make(batchSize="1000000")
    rig.write("a.log", lines(1, 300_000))
    rig.start()
    assert rig.catch_up() == bodies(1, 300_000)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@given(
    contents=st.lists(
        st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"\r")), max_size=40
    ),
    rest=st.binary(max_size=5).map(lambda raw: raw.replace(b"\n", b"")),
    block=st.integers(1, 64),
)
def test_every_line_comes_once_without_its_ending(
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    contents: list[bytes],
    rest: bytes,
    block: int,
) -> None:
    rig = Rig(tmp_path_factory.mktemp("t"), batchSize=str(size), byteOffsetHeader="true")
    ended = [line + b"\n" for line in contents]
    rig.path("a.log").write_bytes(b"".join(ended) + rest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutter, "BLOCK", block)
        rig.start()
        while rig.source.poll() is Status.READY:
            pass
    events = rig.channel.events
    assert [e.body for e in events] == [line.removesuffix(b"\r") for line in contents]
    starts = list(accumulate(map(len, ended), initial=0))
    assert [e.headers["byteoffset"] for e in events] == [str(s) for s in starts[:-1]]
    assert all(0 < len(batch) <= size for batch in rig.channel.batches)
    rig.source.stop()
    assert list(rig.positions().values()) == [starts[-1]]


def test_one_carriage_return_before_the_newline_goes_and_others_stay(rig: Rig) -> None:
    rig.path("a.log").write_bytes(b"a\r\nb\r\r\n\rc\nd\re\n\r\n\n")
    rig.start()
    rig.source.poll()
    assert [e.body for e in rig.channel.events] == [b"a", b"b\r", b"\rc", b"d\re", b"", b""]


def test_bytes_that_are_no_text_pass_unchanged(rig: Rig) -> None:
    everything = bytes(range(256)).replace(b"\n", b"")
    rig.path("a.log").write_bytes(everything + b"\n")
    rig.start()
    rig.source.poll()
    assert rig.channel.events[0].body == everything


def test_headers_of_the_group_the_file_and_the_offset(rig: Rig) -> None:
    path = rig.write("a.log", "one\ntwo\n")
    rig.make(
        byteOffsetHeader="true",
        fileHeader="true",
        fileHeaderKey="path",
        **{"headers.g.app": "shop", "headers.g.a.b": "dotted", "headers.other.x": "y"},
    )
    rig.start()
    rig.source.poll()
    fixed = {"app": "shop", "a.b": "dotted", "path": str(path)}
    assert [dict(e.headers) for e in rig.channel.events] == [
        {**fixed, "byteoffset": "0"},
        {**fixed, "byteoffset": "4"},
    ]


def test_a_header_of_the_group_hides_the_offset_and_the_path_hides_both(rig: Rig) -> None:
    path = rig.write("a.log", "one\n")
    rig.make(
        byteOffsetHeader="true",
        fileHeader="true",
        **{"headers.g.byteoffset": "mine", "headers.g.file": "mine"},
    )
    rig.start()
    rig.source.poll()
    assert dict(rig.channel.events[0].headers) == {"byteoffset": "mine", "file": str(path)}


def test_events_have_no_headers_unless_they_are_asked_for(rig: Rig) -> None:
    rig.write("a.log", "one\n")
    rig.start()
    rig.source.poll()
    assert dict(rig.channel.events[0].headers) == {}


def test_a_line_longer_than_a_block_is_one_event(rig: Rig) -> None:
    long = "x" * (3 * BLOCK + 17)
    rig.write("a.log", "first\n" + long)
    rig.start()
    assert rig.catch_up() == ["first"]
    rig.write("a.log", "y\nlast\n")
    assert rig.catch_up() == [long + "y", "last"]


def test_a_line_longer_than_the_limit_is_cut_and_logged_once(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.make(maxLineLength="1 MiB", byteOffsetHeader="true")
    long = "".join(f"{number:07d}," for number in range(5 * BLOCK // 16))
    rig.write("a.log", f"first\n{long}\nlast\n")
    rig.start()
    with caplog.at_level(logging.WARNING):
        while rig.source.poll() is Status.READY:
            pass
    got = rig.channel.events
    pieces = [e.body.decode() for e in got[1:-1]]
    assert "".join(pieces) == long
    assert [len(piece) for piece in pieces] == [BLOCK, BLOCK, BLOCK // 2]
    assert [e.headers["byteoffset"] for e in got[1:-1]] == [
        str(6),
        str(6 + BLOCK),
        str(6 + 2 * BLOCK),
    ]
    assert (got[0].body, got[-1].body) == (b"first", b"last")
    assert caplog.text.count("longer than maxLineLength") == 1


def test_a_line_of_exactly_the_limit_is_not_cut(rig: Rig) -> None:
    rig.make(maxLineLength="1 MiB")
    rig.write("a.log", "x" * BLOCK + "\nlast\n")
    rig.start()
    assert [len(line) for line in rig.catch_up()] == [BLOCK, 4]


def test_a_long_unfinished_line_of_an_idle_file_is_emitted(rig: Rig) -> None:
    long = "x" * (2 * BLOCK + 5)
    rig.write("a.log", long)
    rig.start()
    assert rig.catch_up() == []
    assert rig.pass_time(LONG) == [long]


def test_max_batch_count_gives_other_files_their_turn(rig: Rig) -> None:
    rig.make(batchSize="10", maxBatchCount="2")
    rig.write("a.log", lines(1, 60))
    rig.write("b.log", lines(101, 130))
    rig.start()
    while rig.source.poll() is Status.READY:
        pass
    starts = [batch[0].body.decode().removeprefix("line ") for batch in rig.channel.batches]
    assert starts == ["1", "11", "101", "111", "21", "31", "121", "41", "51"]
    assert sorted(rig.channel.drain()) == sorted(bodies(1, 60) + bodies(101, 130))


def test_without_max_batch_count_a_file_is_read_to_its_end_first(rig: Rig) -> None:
    rig.write("a.log", lines(1, 300_000))
    rig.write("b.log", lines(300_001, 300_010))
    rig.start()
    assert rig.catch_up() == bodies(1, 300_010)


def test_a_poll_is_bounded(rig: Rig) -> None:
    rig.make(batchSize="1000")
    rig.write("a.log", lines(1, 300_000))
    rig.start()
    assert rig.source.poll() is Status.READY
    assert 0 < sum(batch.nbytes for batch in rig.channel.batches) <= BLOCK


def test_a_file_that_grows_as_fast_as_it_is_read_does_not_starve_others(rig: Rig) -> None:
    rig.make(batchSize="10")
    rig.write("a.log", lines(1, 10))
    rig.write("b.log", "other\n")
    rig.start()
    for round_ in range(1, 20):
        rig.source.poll()
        rig.clock.now += 1  # there is time to look at all files
        rig.write("a.log", lines(10 * round_ + 1, 10 * round_ + 10))
    assert "other" in rig.channel.lines


def test_the_source_is_caught_up_only_when_every_file_is(rig: Rig) -> None:
    rig.start()
    assert rig.source.poll() is Status.BACKOFF
    rig.write("a.log", lines(1, 3))
    assert rig.source.poll() is Status.READY
    assert rig.source.poll() is Status.BACKOFF
    rig.write("b.log", "unfinished")
    assert rig.source.poll() is Status.BACKOFF
