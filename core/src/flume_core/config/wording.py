"""Words for what a configuration model says: the complaint about a value, and what it should be.

pydantic's own messages speak to programmers; these speak to somebody with a properties file open.
"""

from __future__ import annotations

from enum import Enum
from types import NoneType
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from flume_core.config.fields import Unit
from flume_core.config.findings import nearest, quoted, without_value
from flume_core.config.model import marker
from flume_core.config.properties import Property

__all__ = ["complaint", "default_of", "expectation", "is_boolean"]

_WHAT_IT_IS_NOT = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a number of a sensible size",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "enum": "{expected}",
}
_RELATIONS = {"gt": "greater than", "ge": "at least", "lt": "less than", "le": "at most"}
_UNITS = {"ms": "milliseconds", "s": "seconds"}


def complaint(error: ErrorDetails, prop: Property | None) -> str:
    """Return what is wrong with a value, quoting it only where its own line shows it."""
    context = error.get("ctx", {})
    pattern = _WHAT_IT_IS_NOT.get(error["type"])
    if pattern is not None:
        shown = quoted(prop) if prop else "a value"
        return f"{shown} is not {pattern.format_map(context)}"
    message = str(context.get("error", "")) or error["msg"]
    return without_value(message, prop) if prop else message


def expectation(field: FieldInfo, error: ErrorDetails, prop: Property | None) -> str:
    """Return what to write, as far as the field says it; '' if it does not."""
    choices = _choices(field)
    if choices and error["type"] in ("literal_error", "enum"):
        near = nearest(prop.value, choices) if prop and quoted(prop) != "the value" else None
        return f"did you mean {near}?" if near else f"write one of {', '.join(choices)}"
    words = [*_kind_of(field, choices), *_bounds(field)]
    default = default_of(field)
    cure = f"write {', '.join(words)}" if words else field.description or ""
    return f"{cure} (the default is {default})" if cure and default else cure


def is_boolean(field: FieldInfo) -> bool:
    """Return whether a field is true or false."""
    return bool in _types(field)


def default_of(field: FieldInfo) -> str:
    """Return a field's default as a properties file has it; '' if there is none to show."""
    default = field.default
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, Enum):
        return str(default.value)
    return str(default) if isinstance(default, int | float | str) else ""


def _kind_of(field: FieldInfo, choices: list[str]) -> list[str]:
    types = _types(field)
    if bool in types:
        return ["true or false"]
    if choices:
        return [f"one of {', '.join(choices)}"]
    unit = marker(field, Unit)
    of = f" of {_UNITS.get(unit.name, unit.name)}" if unit else ""
    if int in types:
        return [f"a whole number{of}"]
    return [f"a number{of}"] if float in types else []


def _bounds(field: FieldInfo) -> list[str]:
    words: list[str] = []
    for constraint in field.metadata:
        for attribute, relation in _RELATIONS.items():
            bound = getattr(constraint, attribute, None)
            if isinstance(bound, int | float):
                words.append(f"{relation} {bound}")
    return words


def _choices(field: FieldInfo) -> list[str]:
    found: list[str] = []
    for option in _types(field):
        if get_origin(option) is Literal:
            found += map(str, get_args(option))
        elif isinstance(option, type) and issubclass(option, Enum):
            found += (str(member.value) for member in option)
    return found


def _types(field: FieldInfo) -> tuple[object, ...]:
    annotation = field.annotation
    if get_origin(annotation) is Literal or isinstance(annotation, type):
        return (annotation,)
    return tuple(option for option in get_args(annotation) if option is not NoneType)
