"""Every entry has its line, and every refusal its line and cure."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core.config.toml import parse_toml, read_toml
from flume_core.errors import ConfigurationError, Problem

LINES = '''# top = "level"
plain = 1

[a1] # = [not.a.header]
sources = [ # ]
  "r1",   # x = 1
  'r2',
]
text = """
[not.a.header]
x = 1 \\""" "
"""""
literal = \'\'\'
y = 2 # it''s \'\'\'
after = 'here'
"a b".'c=d'."e\\"#\\u0066" = true
dotted . spaced = 1
  indented = 1
table = { x = 1, "y.z" = { deep = [1, 2] } }

[ "a1.channels.c1" ]
type = "memory"
[a1.'sinks'.k1]
type = "logger"
'''
EXPECTED = {
    "plain": 2,
    "a1.sources": 5,
    "a1.text": 9,
    "a1.literal": 13,
    "a1.after": 15,
    'a1.a b.c=d.e"#f': 16,
    "a1.dotted.spaced": 17,
    "a1.indented": 18,
    "a1.table.x": 19,
    "a1.table.y.z.deep": 19,
    "a1.channels.c1.type": 22,
    "a1.sinks.k1.type": 24,
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_entry_has_the_line_of_its_key(end: str) -> None:
    read = parse_toml(LINES.replace("\n", end), "flume.toml")

    assert {prop.key: prop.origin.line for prop in read} == EXPECTED
    assert [prop.origin.line for prop in read] == sorted(EXPECTED.values())
    assert {prop.origin.file for prop in read} == {"flume.toml"}


def test_the_text_of_an_entry_is_the_line_of_its_key() -> None:
    text = {prop.key: prop.text for prop in parse_toml(LINES, "flume.toml")}

    assert text["a1.sources"] == "sources = [ # ]"
    assert text["a1.indented"] == "indented = 1"


KEYS = st.sampled_from(["x", "x-1", '"q q"', "'l#l'", 'a."b.c"', "s . t", '"\\u0041="'])
VALUES = st.sampled_from(
    [
        "1",
        '"#"',
        '"\\""',
        "'[x]'",
        '"""\n[y]\n"""',
        "'''\nz = 1\n'''",
        "[\n 1, # ]\n 2 ]",
        "{ k = 1 }",
    ]
)


@given(st.lists(st.tuples(KEYS, VALUES, st.sampled_from(["", "# c [t]\n", "\n", "  "]))))
def test_lines_are_right_for_any_mixture_of_keys_and_values(
    entries: list[tuple[str, str, str]],
) -> None:
    text, expected = "", []
    for number, (key, value, before) in enumerate(entries):
        text += f"[t{number}]\n{before}"
        expected.append(text.count("\n") + 1)
        text += f"{key} = {value} # = [\n"

    read = parse_toml(text, "flume.toml")

    assert [prop.origin.line for prop in read] == expected


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as refused:
        parse_toml(text, "flume.toml")
    return refused.value.problems


def test_all_values_without_a_form_in_flume_are_reported_at_once() -> None:
    text = (
        "ok = 1\n"
        "date = 2024-05-05\n"
        "nested = [[1], [2]]\n"
        'blank = ["a b"]\n'
        'empty = ["a", ""]\n'
        "endless = inf\n"
        "huge = 1e999999999\n"
        "[[tables]]\n"
        "x = 1\n"
    )

    problems = problems_of(text)

    assert [(p.key, str(p.origin)) for p in problems] == [
        ("date", "flume.toml:2"),
        ("nested", "flume.toml:3"),
        ("blank", "flume.toml:4"),
        ("empty", "flume.toml:5"),
        ("endless", "flume.toml:6"),
        ("huge", "flume.toml:7"),
        ("tables", "flume.toml:8"),
    ]
    assert all(p.cure and p.text for p in problems)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \nc = 3\n", 2),
        ("a = 1\n\nb = 'unfinished\n", 3),
        ('a = 1\nb = """unfinished\n\n', 2),
        ("a = 1\na = 2\n", 2),
        ("[a\n", 1),
    ],
)
def test_an_error_of_syntax_has_its_line(text: str, line: int) -> None:
    (problem,) = problems_of(text)

    assert str(problem.origin) == f"flume.toml:{line}"
    assert problem.text == text.split("\n")[line - 1].strip()
    assert "at line" not in problem.message
    assert problem.cure


def test_a_name_that_is_a_value_and_a_table_gets_a_cure_that_works() -> None:
    (problem,) = problems_of('[a1]\nsources = ["r1"]\n[a1.sources.r1]\ntype = "seq"\n')

    assert str(problem.origin) == "flume.toml:3"
    assert '["a1.sources.r1"]' in problem.cure
    for cured in (
        '[a1]\nsources = ["r1"]\n["a1.sources.r1"]\ntype = "seq"\n',
        '[a1.sources]\n"" = ["r1"]\n[a1.sources.r1]\ntype = "seq"\n',
    ):
        read = [(prop.key, prop.value) for prop in parse_toml(cured, "flume.toml")]
        assert read == [("a1.sources", "r1"), ("a1.sources.r1.type", "seq")]


@pytest.mark.parametrize(
    "text",
    [
        f"a = {'9' * 5000}",
        f"a = 0x{'f' * 5000}",
        f"a = 1e{'9' * 30}",
        f"a = {'[' * 5000}",
        f"{'.'.join('a' * 5000)} = 1",
    ],
    ids=["digits", "hexadecimal", "exponent", "lists", "tables"],
)
def test_a_value_made_to_exhaust_the_reader_is_refused(text: str) -> None:
    (problem,) = problems_of(text)

    assert "flume.toml" in str(problem)
    assert problem.cure


def test_a_file_that_is_not_utf_8_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "flume.toml"
    path.write_bytes(b"a = 1\nb = 'J\xfcrgen'\n")

    with pytest.raises(ConfigurationError, match="UTF-8") as refused:
        read_toml(path)

    assert str(refused.value.problems[0].origin) == f"{path}:2"


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.toml does not exist"):
        read_toml(tmp_path / "absent.toml")
