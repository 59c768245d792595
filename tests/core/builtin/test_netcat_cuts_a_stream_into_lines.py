from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core._builtin.netcat.lines import LineSplitter


def split(pieces: list[bytes], longest: int, encoding: str = "utf-8") -> tuple[list[bytes], bool]:
    """The lines of a whole stream, and whether it was cut off for one that was too long."""
    splitter = LineSplitter(encoding, longest)
    found: list[bytes] = []
    for piece in pieces:
        lines, too_long = splitter.feed(piece)
        found += lines
        if too_long:
            return found, True
    lines, too_long = splitter.finish()
    assert splitter.unfinished == 0
    return found + lines, too_long


def expected(stream: bytes, longest: int, encoding: str) -> tuple[list[bytes], bool]:
    """The same, said in the plainest way; only for streams that are there as a whole."""

    def units(text: str) -> int:
        return sum(2 if character > "\uffff" else 1 for character in text)

    text = stream.decode(encoding, "replace")
    *complete, last = text.split("\n")
    found = []
    for line in complete:
        if units(line) + 1 > longest:
            return found, True
        found.append((line + "\n").encode())
    if units(last) >= longest:
        return found, True
    return found + ([(last + "\n").encode()] if last else []), False


def pieces_of(stream: bytes, cuts: list[int]) -> list[bytes]:
    points = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(points)]


TEXT = st.text(alphabet="ab\n\n\ré中\U0001f600", max_size=40)
STREAMS = st.one_of(
    TEXT.map(str.encode),
    st.binary(max_size=40),
    st.lists(st.sampled_from([b"a", b"\n", b"\xc3", b"\xa9", b"\xf0\x9f", b"\x98\x80"])).map(
        b"".join
    ),
)


@given(STREAMS, st.lists(st.integers(0, 60), max_size=12), st.integers(1, 30))
def test_the_lines_do_not_depend_on_how_the_bytes_arrive(
    stream: bytes, cuts: list[int], longest: int
) -> None:
    assert split(pieces_of(stream, cuts), longest) == expected(stream, longest, "utf-8")


@given(STREAMS, st.lists(st.integers(0, 60), max_size=12), st.integers(1, 30))
def test_nor_do_they_in_other_encodings(stream: bytes, cuts: list[int], longest: int) -> None:
    for encoding in ("latin-1", "utf-16-be", "shift_jis"):
        assert split(pieces_of(stream, cuts), longest, encoding) == expected(
            stream, longest, encoding
        )


def test_a_carriage_return_is_kept_and_an_empty_line_is_a_line() -> None:
    assert split([b"a\r\n\n\nb\n"], 512) == ([b"a\r\n", b"\n", b"\n", b"b\n"], False)


def test_the_end_of_the_stream_ends_the_last_line() -> None:
    assert split([b"a\nb"], 512) == ([b"a\n", b"b\n"], False)
    assert split([b"a\n"], 512) == ([b"a\n"], False)
    assert split([], 512) == ([], False)


@pytest.mark.parametrize(("text", "units"), [("x", 1), ("é", 1), ("中", 1), ("\U0001f600", 2)])
def test_length_is_counted_in_characters_as_java_does_not_in_bytes(text: str, units: int) -> None:
    fits = (text * 8 + "\n").encode()
    assert split([fits], 8 * units + 1) == ([fits], False)
    assert split([fits], 8 * units) == ([], True)


def test_lines_before_the_one_that_is_too_long_count() -> None:
    assert split([b"ok\nfine\nmuch too long\nnext\n"], 8) == ([b"ok\n", b"fine\n"], True)


def test_a_line_that_is_too_long_is_noticed_before_it_ends() -> None:
    splitter = LineSplitter("utf-8", 8)
    assert splitter.feed(b"1234567") == ([], False)
    assert splitter.feed(b"8") == ([], True)
    assert splitter.unfinished == 0


def test_what_is_not_utf8_is_replaced() -> None:
    assert split([b"\xff\xfe ok \xc3\n"], 512) == (["\ufffd\ufffd ok \ufffd\n".encode()], False)
    assert split([b"cut \xe4\xb8"], 512) == (["cut \ufffd\n".encode()], False)


def test_other_encodings_become_utf8() -> None:
    assert split([b"stra\xdfe\n"], 512, "ISO-8859-1") == (["straße\n".encode()], False)
    assert split(["中\nb".encode("utf-16-le")], 512, "utf-16-le") == (
        ["中\n".encode(), b"b\n"],
        False,
    )
