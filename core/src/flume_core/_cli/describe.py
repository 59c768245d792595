"""What a component's model says about its properties, as a table for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import NoneType
from typing import Annotated, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from flume_core.config.fields import Nested, NestedComponent, SubProperties, Unit
from flume_core.config.model import ComponentConfig, marker, spellings
from flume_core.config.wording import default_of

__all__ = ["PropertyLine", "property_lines"]

_BOUNDS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))


@dataclass(frozen=True, slots=True)
class PropertyLine:
    """One property: how it is written, what it takes, its default, what it does."""

    name: str
    takes: str
    default: str
    """Empty where there is none to show; ``required`` where it must be given."""
    description: str


def property_lines(model: type[ComponentConfig]) -> list[PropertyLine]:
    """Return the properties of a model, the required ones first."""
    written = _preferred_spellings(model)
    lines = [_line(name, field, written) for name, field in model.model_fields.items()]
    return sorted(lines, key=lambda line: line.default != "required")


def _preferred_spellings(model: type[ComponentConfig]) -> dict[str, str]:
    """Return for each field the spelling that Flume has: not the snake_case one of Python."""
    found: dict[str, str] = {}
    for spelling, name in spellings(model).items():
        if name not in found or found[name] == name:
            found[name] = spelling
    return found


def _line(name: str, field: FieldInfo, written: Mapping[str, str]) -> PropertyLine:
    group, nested = marker(field, SubProperties), marker(field, Nested)
    text = field.description or ""
    default = "required" if field.is_required() else default_of(field)
    if group is not None:
        return PropertyLine(f"{group.prefix}*", "text", "", text)
    if nested is not None:
        chosen = field.default
        default = chosen.type if isinstance(chosen, NestedComponent) else default
        if f"{nested.key}." not in text:
            text = "; ".join(filter(None, (text, f"its own properties are {nested.key}.*")))
        return PropertyLine(nested.key, _spaced(nested.kind), default, text)
    return PropertyLine(written[name], _takes(field), default, text)


def _takes(field: FieldInfo) -> str:
    types = list(_types(field.annotation))
    metadata = list(field.metadata)
    for position, option in enumerate(types):
        if get_origin(option) is Annotated:  # as in `ByteSize | None`
            types[position], *more = get_args(option)
            metadata += more
    choices = [choice for option in types for choice in _choices(option)]
    unit = next((each for each in metadata if isinstance(each, Unit)), None)
    if bool in types:
        word = "true or false"
    elif choices:
        word = " or ".join(choices)
    elif unit is not None:
        word = unit.name
    elif int in types or float in types:
        word = "number"
    else:
        word = "words" if any(get_origin(option) is tuple for option in types) else "text"
    return " ".join([word, *_bounds(metadata)])


def _bounds(metadata: Iterable[object]) -> list[str]:
    return [
        f"{sign} {bound:,}"
        for constraint in metadata
        for attribute, sign in _BOUNDS
        if isinstance(bound := getattr(constraint, attribute, None), int | float)
    ]


def _types(annotation: object) -> tuple[object, ...]:
    if get_origin(annotation) in (Literal, tuple) or isinstance(annotation, type):
        return (annotation,)
    return tuple(option for option in get_args(annotation) if option is not NoneType)


def _choices(option: object) -> list[str]:
    if get_origin(option) is Literal:
        return [str(choice) for choice in get_args(option)]
    if isinstance(option, type) and issubclass(option, Enum):
        return [str(member.value) for member in option]
    return []


def _spaced(kind: str) -> str:
    return kind.replace("_", " ")
