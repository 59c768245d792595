"""Is the output exactly the input: every byte, in order? Where not, what is different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.input import LINE_BYTES

__all__ = ["difference", "output_files"]

_CHUNK = 1 << 20


def output_files(directory: Path) -> list[Path]:
    """The files in ``directory`` in the order they were written: ``1699-2`` comes before ``1699-10``."""

    def key(path: Path) -> tuple[tuple[int, int | str], ...]:
        parts = path.name.replace(".", "-").split("-")
        return tuple((0, int(part)) if part.isdigit() else (1, part) for part in parts)

    return sorted((path for path in directory.iterdir() if path.is_file()), key=key)


def difference(expected: Sequence[Path], actual: Sequence[Path]) -> str | None:
    """None if the files hold the same bytes in the same order, else a text that says what differs."""
    offset = 0
    for want, got in _in_step(_chunks(expected), _chunks(actual)):
        if want != got:
            same = _common_prefix(want, got)
            return _describe(actual, offset + same, sum(file.stat().st_size for file in expected))
        offset += len(want)
    return None


def _chunks(files: Sequence[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def _in_step(left: Iterator[bytes], right: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Pieces of equal length from both, until one ends; then one pair with what the other has left."""
    a = b = b""
    while True:
        a = a or next(left, b"")
        b = b or next(right, b"")
        if not a or not b:
            if a or b:
                yield a, b
            return
        size = min(len(a), len(b))
        yield a[:size], b[:size]
        a, b = a[size:], b[size:]


def _common_prefix(left: bytes, right: bytes) -> int:
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[:middle] == right[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _describe(files: Sequence[Path], offset: int, expected_bytes: int) -> str:
    """Count by line numbers what is missing, repeated, out of order or foreign."""
    lines = expected_bytes // LINE_BYTES
    seen = bytearray(lines)
    foreign = repeated = backward = 0
    last = -1
    for line in _lines(files):
        number = int(line[:12]) if line[:12].isdigit() and len(line) == LINE_BYTES else -1
        if not 0 <= number < lines:
            foreign += 1
            continue
        repeated += seen[number]
        seen[number] = 1
        backward += number < last
        last = number
    missing = seen.count(0)
    first = f", the first is line {seen.index(0)}" if missing else ""
    return (
        f"the output differs from the input at byte {offset} (line {offset // LINE_BYTES}): of {lines} lines "
        f"{missing} are missing{first}; {repeated} are repeated, {backward} out of order, "
        f"{foreign} not from the input"
    )


def _lines(files: Sequence[Path]) -> Iterator[bytes]:
    rest = b""
    for chunk in _chunks(files):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest
