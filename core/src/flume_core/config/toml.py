"""The same configuration written in TOML: tables become the dotted keys of a properties file.

::

    [a1]
    sources = ["r1"]             # a1.sources = r1
    channels = ["c1", "c2"]      # a1.channels = c1 c2

    ["a1.sources.r1"]            # quoted, because a1.sources has a value already
    type = "seq"                 # a1.sources.r1.type = seq
    batchSize = 100              # a1.sources.r1.batchSize = 100

In TOML a name is either a value or a table, while Flume gives ``a1.sources`` a list and properties below
it. Hence the quotes above; the other way is an empty key, which stands for the table itself::

    [a1.sources]
    "" = ["r1"]                  # a1.sources = r1
    r1.type = "seq"              # a1.sources.r1.type = seq

Lists of plain values are joined with blanks, booleans become ``true`` and ``false``, numbers decimal text.
Strings are taken as they are and trimmed, as in a properties file: ``${...}`` works in them, and a
backslash means what TOML says. Dates, nested lists and lists of tables are refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from operator import itemgetter
from pathlib import Path

from flume_core.config.properties import Property, read_file, shorten, trim
from flume_core.errors import ConfigurationError, Origin, Problem, Severity

__all__ = ["parse_toml", "read_toml"]

_Path = tuple[str, ...]

_MAX_DIGITS = 400  # more than any double has; 1e999999999 must not become a gigabyte of digits
_QUOTED = r""" "(?:[^"\\\n]|\\.)*" | '[^'\n]*' """
_NAME = re.compile(rf"[A-Za-z0-9_-]+ | {_QUOTED}", re.VERBOSE)
_STATEMENT = re.compile(
    rf"""[ \t]* (?P<header>\[{{0,2}}) [ \t]*
         (?P<key> (?:{_NAME.pattern}) (?: [ \t]* \. [ \t]* (?:{_NAME.pattern}) )* )""",
    re.VERBOSE,
)
_TOKEN = re.compile(
    rf"""  "{{3}} (?:[^\\]|\\.)*? "{{3,5}} | '{{3}} .*? '{{3,5}} | {_QUOTED} | \#[^\n]*
         | (?P<open>[\[{{]) | (?P<close>[\]}}]) | (?P<end>\n) | [^"'\#\[\]{{}}\n]+  """,
    re.VERBOSE | re.DOTALL,
)
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
_END_OF_FILE = " (at end of document)"


class _Unusable(Exception):
    """A value has no form in a properties file; the arguments are message and cure."""


def parse_toml(text: str, file: str) -> list[Property]:
    """Return the entries of a TOML configuration in file order, keys and values as Flume has them.

    ``file`` is the name that the origins carry. The line of an origin is that of the key; within an
    inline table, that of the table's own key. Raises ConfigurationError at the first error of syntax, or
    else with one problem for each value that has no form in a properties file.
    """
    lines = text.split("\n")
    try:
        leaves = list(_leaves(tomllib.loads(text, parse_float=Decimal), ()))
    except (ValueError, ArithmeticError, RecursionError) as e:
        raise ConfigurationError(problems=[_syntax_problem(e, lines, file)]) from e
    numbers = _key_lines(text)
    found: list[Property] = []
    problems: list[Problem] = []
    located = [(_line_of(path, numbers), path, value) for path, value in leaves]
    for number, path, value in sorted(located, key=itemgetter(0)):
        own_value = path[-1] == "" and len(path) > 1
        key = trim(".".join(path[:-1] if own_value else path))
        origin, shown = Origin(file, number), shorten(lines[number - 1])
        try:
            found.append(Property(key, trim(_as_text(value)), origin, shown))
        except _Unusable as e:
            message, cure = e.args
            problems.append(Problem(Severity.ERROR, message, key, origin, shown, cure))
    if problems:
        raise ConfigurationError(problems=problems)
    return found


def read_toml(path: Path | str) -> list[Property]:
    """Read a TOML file, which is UTF-8, as ``parse_toml`` does.

    Raises ConfigurationError as ``read_file`` and ``parse_toml`` do, and when the file is not UTF-8.
    """
    data = read_file(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        problem = Problem(
            Severity.ERROR,
            "the file is not UTF-8, which TOML files are",
            origin=Origin(str(path), line),
            cure="save it as UTF-8",
        )
        raise ConfigurationError(problems=[problem]) from e
    return parse_toml(text, str(path))


def _leaves(table: Mapping[str, object], path: _Path) -> Iterator[tuple[_Path, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_item_as_text, value))
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) < 10**_MAX_DIGITS:
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _MAX_DIGITS:
        return f"{value:f}"
    if isinstance(value, int | Decimal):
        raise _Unusable("the number is out of range", "put it in quotes if the text is meant")
    raise _Unusable("dates and times are not among Flume's values", "put it in quotes")


def _item_as_text(item: object) -> str:
    if isinstance(item, dict):
        raise _Unusable("a list of tables has no dotted keys", "name each table: [a1.sources.r1]")
    if isinstance(item, list):
        raise _Unusable("a list within a list has no form in Flume", "write one list, or a string")
    text = _as_text(item)
    if len(text.split()) != 1:
        raise _Unusable(
            "white space separates the items of a list, so none may be empty or contain any",
            "write the whole value as one string",
        )
    return text


def _syntax_problem(error: Exception, lines: list[str], file: str) -> Problem:
    if not isinstance(error, tomllib.TOMLDecodeError):
        what = "nested too deep" if isinstance(error, RecursionError) else "a number out of range"
        return Problem(Severity.ERROR, f"{file}: {what}", cure="write less of it, or a string")
    message = str(error).removesuffix(_END_OF_FILE)
    at_line = _AT_LINE.search(message)
    number = int(at_line[1]) if at_line else len("\n".join(lines).rstrip().split("\n"))
    cure = "see the TOML specification, or write the configuration as a properties file"
    if message.startswith(("Cannot declare", "Cannot overwrite", "Cannot mutate")):
        cure = (
            "define each name once; where it has a value as well as properties below it, quote the table "
            'name (["a1.sources.r1"]) or put the value in the table under an empty key ("" = ["r1"])'
        )
    return Problem(
        Severity.ERROR,
        f"not valid TOML: {_AT_LINE.sub('', message)}",
        origin=Origin(file, number),
        text=shorten(lines[number - 1]),
        cure=cure,
    )


def _key_lines(text: str) -> dict[_Path, int]:
    """Return the line of every key and table header; ``text`` is known to be valid TOML."""
    numbers: dict[_Path, int] = {}
    table: _Path = ()
    position, line = 0, 1
    while position < len(text):
        statement = _STATEMENT.match(text, position)
        if statement is None:
            end = _end_of_statement(text, position, depth=0)
        else:
            path = tuple(map(_unquote, _NAME.findall(statement["key"])))
            if statement["header"]:
                table = path
            else:
                path = table + path
            numbers.setdefault(path, line)
            end = _end_of_statement(text, statement.end(), depth=len(statement["header"]))
        line += text.count("\n", position, end)
        position = end
    return numbers


def _end_of_statement(text: str, position: int, depth: int) -> int:
    for token in _TOKEN.finditer(text, position):
        if token["open"]:
            depth += 1
        elif token["close"]:
            depth -= 1
        elif token["end"] and depth == 0:
            return token.end()
    return len(text)


def _unquote(name: str) -> str:
    if not name.startswith(("'", '"')):
        return name
    return next(iter(tomllib.loads(f"{name} = 0"))) if "\\" in name else name[1:-1]


def _line_of(path: _Path, numbers: Mapping[_Path, int]) -> int:
    known = (numbers[path[:n]] for n in range(len(path), 0, -1) if path[:n] in numbers)
    return next(known, 1)
