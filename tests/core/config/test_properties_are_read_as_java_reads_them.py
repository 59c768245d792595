"""The grammar, against two oracles: the javaproperties package, and Java itself where there is one."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import javaproperties
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flume_core.config.properties import merge, parse_properties
from flume_core.errors import ConfigurationError

ORACLE = Path(__file__).parent / "data" / "PropertiesOracle.java"
Entries = list[tuple[str, str]]

SPECIAL = [
    "\\",
    "\\",
    "=",
    ":",
    " ",
    "\t",
    "\f",
    "\n",
    "\n",
    "\r",
    "\r\n",
    "#",
    "!",
    "\\\n",
    "\\\r\n",
]
PLAIN = [
    "a",
    "b",
    "u",
    "n",
    "t",
    "r",
    "f",
    ".",
    "$",
    "{",
    "}",
    "\x00",
    "\x0b",
    "\x1c",
    "\x85",
    "\xa0",
    "é",
]
ESCAPES = [
    "\\u",
    "\\u0041",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\uD800",
    "\\u00\\\n41",
    "\\u12g4",
    "\\U0041",
    "00",
]
PIECES = SPECIAL + PLAIN + ESCAPES

CORNERS = [
    "",
    "\\",
    "\\\n",
    "\\\r",
    "\\\r\n",
    "\\\n\n",
    "\\\n\\",
    "\\\n\r",
    "\\\n# not a continuation\na=1",
    "a\\\n# part of the key",
    "a\\\n\nb",
    "a=1\\",
    "a=1\\\\",
    "a=1\\\\\\\n  2",
    "a = = b",
    "a : = b",
    "a b = c",
    "=",
    ":x",
    " \t\fkey\f=\fvalue \t",
    "\\ key\\ with\\=all\\:of\\#them = \\s\\d\\\\d+",
    "# comment \\\na=1",
    "  ! comment\r\na=1\rb=2\nc=3",
    "a=1\na=2",
    "a\\u0020b\\u003d=c",
    "a=\\u12",
    "a\\u=1",
    "a=\\u+123\nb=\\uuuuu",
    "\\ud83d=\\ude00",
    "a=b\x85c\x0b\x1cd\u00a0",
]


def one_piece_of_text(structured: random.Random) -> str:
    """A file of comments, blank lines and entries, some of them continued."""
    ends = ["\n", "\r", "\r\n"]
    lines: list[str] = []
    for _ in range(structured.randrange(1, 7)):
        key = "".join(structured.choices(["a", "b.c", "\\ ", "\\=", "\\:", "\\u00e4", "\\#"], k=3))
        value = "".join(
            structured.choices(["x", " y", "\\\\", "\\n", "\\\n  z", "\\\r\n", "=", "#"], k=4)
        )
        separator = structured.choice(["=", ":", " ", "\t", " = ", "\f:\f", ""])
        entry = structured.choice(["", "  ", "\t\f"]) + key + separator + value
        other = structured.choice(["# comment \\", "  !\\u00", "", " \t", "only-a-key"])
        lines.append(structured.choice([entry, entry, other]) + structured.choice(ends))
    return "".join(lines)


random_text = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
structured_text = st.randoms(use_true_random=False).map(one_piece_of_text)


def flumes_reading(text: str) -> Entries | None:
    try:
        return [(prop.key, prop.value) for prop in parse_properties(text, "flume.conf")]
    except ConfigurationError:
        return None


def trimmed(key: str, value: str) -> tuple[str, str]:
    up_to_blank = "".join(map(chr, range(33)))
    return key.strip(up_to_blank), value.strip(up_to_blank)


def starts_with_a_backslash_alone(text: str) -> bool:
    # Where a line has nothing but a backslash before its text begins, javaproperties differs from Java.
    return re.search(r"(?:^|[\r\n])[ \t\f]*\\(?:[\r\n]|$)", text) is not None


@settings(max_examples=500)
@given(random_text | structured_text)
@example("a=\\u00\\\n41")
@example("a = = b")
def test_any_text_reads_as_the_javaproperties_package_reads_it(text: str) -> None:
    if starts_with_a_backslash_alone(text):
        return
    try:
        expected = [
            trimmed(entry.key, entry.value)
            for entry in javaproperties.parse(text)
            if isinstance(entry, javaproperties.KeyValue)
        ]
    except javaproperties.InvalidUEscapeError:
        assert flumes_reading(text) is None
    else:
        assert flumes_reading(text) == expected


@given(st.dictionaries(st.text(), st.text(), max_size=8))
def test_what_javaproperties_writes_comes_back_trimmed(settings: dict[str, str]) -> None:
    read = merge([parse_properties(javaproperties.dumps(settings), "flume.conf")])

    expected = dict(trimmed(key, value) for key, value in settings.items())
    assert {key: prop.value for key, prop in read.items()} == expected


@pytest.fixture(scope="module")
def java() -> str:
    """The java command, if it can run a source file."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("skipped: no Java")
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False)
    version = re.search(r"jdk\.compiler@(\d+)", modules.stdout)
    if version is None or int(version[1]) < 17:
        pytest.skip("skipped: no Java development kit 17 or later")
    return java


def samples() -> Iterator[str]:
    generator = random.Random(20240517)
    yield from CORNERS
    for _ in range(4000):
        yield "".join(generator.choices(PIECES, k=generator.randrange(1, 20)))
    for _ in range(2000):
        yield one_piece_of_text(generator)
    # Java reads 8192 bytes at a time: line ends and escapes across that border.
    for end in ["\\\r\n  x", "\\\n#x", "\r\nb=1", "\\u0041", "\\"]:
        for before in range(8192 - 8, 8192):
            yield "a=" + "v" * (before - 2) + end


def javas_reading(answer: str) -> Entries | None:
    if answer == "!":
        return None
    entries: Entries = []
    for entry in filter(None, answer.split(",")):
        key, value = (
            bytes.fromhex(units).decode("utf-16-be", "surrogatepass") for units in entry.split("=")
        )
        entries.append(trimmed(key, value))
    return entries


def test_thousands_of_samples_read_as_java_reads_them(java: str, tmp_path: Path) -> None:
    texts = list(samples())
    asked, answered = tmp_path / "samples", tmp_path / "answers"
    asked.write_text("\n".join(text.encode("iso-8859-1").hex() for text in texts) + "\n")

    subprocess.run([java, str(ORACLE), str(asked), str(answered)], check=True, cwd=tmp_path)

    answers = answered.read_text().split("\n")[: len(texts)]
    assert len(answers) == len(texts)
    differences = [
        (text, javas_reading(answer), flumes_reading(text))
        for text, answer in zip(texts, answers, strict=True)
        if javas_reading(answer) != flumes_reading(text)
    ]
    assert differences == []
    assert {javas_reading(answer) is None for answer in answers} == {True, False}
