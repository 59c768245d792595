"""The base of every component's configuration model.

A model gives types, defaults, checks, documentation and the spellings that a file may use. It is fed
with text, as properties files hold it, or with values of the right type, as embedding code does.

Spelling rules: a field is written in its own snake_case, and in camelCase; or, where it declares an
alias (``keep-alive``, ``sink.rollInterval``), in its own snake_case and exactly as the alias says.
Booleans are ``true`` or ``false`` in any case, whole numbers are decimal digits; nothing is guessed.
Unknown properties are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from flume_core.config.fields import Events, Millis, Nested, NestedComponent, SubProperties

__all__ = [
    "ChannelConfig",
    "ComponentConfig",
    "PollableSourceConfig",
    "SinkConfig",
    "SourceConfig",
    "marker",
    "prefixes",
    "spellings",
]

_WHOLE = re.compile(r"[+-]?[0-9]+")


M = TypeVar("M")


def marker(field: FieldInfo, kind: type[M]) -> M | None:
    """Return the marker of a kind that a field carries, if any."""
    return next((m for m in field.metadata if isinstance(m, kind)), None)


class ComponentConfig(BaseModel):
    """Settings of one component; frozen. Subclass it with one field per property."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        loc_by_alias=False,
        alias_generator=to_camel,
        arbitrary_types_allowed=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _by_field_name(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        known, groups = spellings(cls), prefixes(cls)
        named: dict[str, object] = {}
        collected: dict[str, dict[str, str]] = {}
        for key, value in data.items():
            name = known.get(key)
            if name is None:
                prefix = max((p for p in groups if key.startswith(p)), key=len, default=None)
                if prefix is None or len(key) == len(prefix):
                    named[key] = value
                else:
                    collected.setdefault(prefix, {})[key[len(prefix) :]] = value
            elif name in named and named[name] != value:
                raise ValueError(f"{key} is given twice, in two spellings")
            else:
                named[name] = value
        for prefix, settings in collected.items():
            _attach(cls.model_fields, named, groups[prefix], settings)
        return named

    @field_validator("*", mode="before")
    @classmethod
    def _read_text(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str) or info.field_name is None:
            return value
        field = cls.model_fields[info.field_name]
        nested = marker(field, Nested)
        if nested is not None:
            return NestedComponent(value.strip())
        return _typed(value.strip(), field.annotation)


def _attach(
    fields: Mapping[str, FieldInfo], named: dict[str, object], name: str, settings: dict[str, str]
) -> None:
    field = fields[name]
    if marker(field, Nested) is None:
        named[name] = {**_mapping(named.get(name)), **settings}
        return
    chosen = named.get(name, field.default)
    kind = chosen.type if isinstance(chosen, NestedComponent) else str(chosen).strip()
    named[name] = NestedComponent(kind, settings)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _typed(text: str, annotation: object) -> object:
    options = getattr(annotation, "__args__", (annotation,))
    if bool in options or annotation is bool:
        lowered = text.lower()
        if lowered not in ("true", "false"):
            raise ValueError(f"{text!r} is neither true nor false; Java Flume reads it as false")
        return lowered == "true"
    # pydantic would read 1_000 and 1.0; Java does not. Sizes with units have their own reader.
    whole = int in options or annotation is int
    if whole and not _WHOLE.fullmatch(text) and re.fullmatch(r"[0-9][0-9_.]*", text):
        raise ValueError(f"{text!r} is not a whole number")
    return text


def spellings(model: type[ComponentConfig]) -> dict[str, str]:
    """Return every accepted spelling of a property, with the field that it sets."""
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if marker(field, SubProperties) is not None:
            continue
        nested = marker(field, Nested)
        if nested is not None:
            found[nested.key] = name
        alias = field.validation_alias or field.alias or to_camel(name)
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        found.update({choice: name for choice in choices if isinstance(choice, str)})
        found.setdefault(name, name)
    return found


def prefixes(model: type[ComponentConfig]) -> dict[str, str]:
    """Return the prefixes of property groups that a model collects, with the field of each."""
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        group = marker(field, SubProperties)
        if group is not None:
            found[group.prefix] = name
        nested = marker(field, Nested)
        if nested is not None:
            found[nested.key + "."] = name
    return found


class ChannelConfig(ComponentConfig):
    """What every channel's model starts from."""


class SourceConfig(ComponentConfig):
    """What every source's model starts from; channels, selector and interceptors are not in it."""


class PollableSourceConfig(SourceConfig):
    """What the model of every polled source starts from."""

    backoff_sleep_increment: Millis = Field(
        1000, ge=0, description="growth of the sleep with each poll that found nothing"
    )
    max_backoff_sleep: Millis = Field(
        5000, ge=0, description="longest sleep after polls that found nothing, and after a failure"
    )


class SinkConfig(ComponentConfig):
    """What every sink's model starts from; the channel is not in it."""

    batch_size: Events = Field(100, gt=0, description="most events taken in one transaction")
