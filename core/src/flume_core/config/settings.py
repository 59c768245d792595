"""From the properties of one component to its configuration model, with every mistake located.

The model decides what is right; here its verdicts get lines, spellings and cures, and Java's way of
putting up with mistakes where the mode asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flume_core.config.fields import JavaRepairs, Nested, NestedComponent
from flume_core.config.findings import Findings, Mode, mentioned, quoted, without_value
from flume_core.config.model import ComponentConfig, marker
from flume_core.config.properties import Property
from flume_core.config.spelling import Spelling
from flume_core.config.wording import complaint, default_of, expectation, is_boolean
from flume_core.errors import PluginError

__all__ = ["Given", "Modelled", "Resolve", "Settled", "read_settings"]


class Modelled(Protocol):
    """What has a configuration model: a component class."""

    config_model: ClassVar[type[ComponentConfig]]


Resolve = Callable[[str, str], type[Modelled]]
"""From a kind and a type to the class; raises PluginError."""


@dataclass(frozen=True)
class Given:
    """What a configuration gives one component."""

    path: str
    """What the keys begin with: ``a1.sources.r1.interceptors.i1``."""
    label: str
    """What it is, for messages: ``source of type seq``."""
    at: Property | None
    """The line that something missing is reported on."""
    properties: Mapping[str, Property]
    """What the component's own model is to read, by the key within the component."""
    empty: Mapping[str, Property] = field(default_factory=dict)
    reserved: tuple[str, ...] = ()
    """Keys that mean something here without being the model's, for suggestions; ``x.`` for all in x."""


@dataclass(frozen=True)
class Settled:
    """A configuration, and the text it was made from after all repairs."""

    config: ComponentConfig
    texts: Mapping[str, str]
    doubtful: frozenset[str] = frozenset()
    """Fields that have their default only because what was given is wrong."""


def read_settings(
    model: type[ComponentConfig], given: Given, findings: Findings, resolve: Resolve
) -> Settled | None:
    """Return the configuration that ``given`` makes, or None if there is none; report what is wrong.

    There may be one although ``findings`` fail, so that what depends on it can be checked as well.
    """
    reader = _Reader(model, given, findings.part(), resolve)
    settled = reader.read()
    findings.join(reader.findings)
    return settled


class _Reader:
    def __init__(
        self, model: type[ComponentConfig], given: Given, findings: Findings, resolve: Resolve
    ) -> None:
        self.model = model
        self.given = given
        self.findings = findings
        self.resolve = resolve
        self.spelling = Spelling(model)
        self.used: dict[str, Property] = {}
        self.doubtful: set[str] = set()
        self.assumed: set[str] = set()
        """Fields whose property was misspelt or empty, which is reported already."""

    def read(self) -> Settled | None:
        self._keep_known()
        self._keep_one_spelling()
        texts = {key: prop.value for key, prop in self.used.items()}
        if not self.findings.strict:
            self._read_booleans_as_java(texts)
        config = self._validated(texts)
        config = self._with_nested(config, texts)
        return None if config is None else Settled(config, texts, frozenset(self.doubtful))

    def _keep_known(self) -> None:
        given = self.given.properties
        anything = self.model.model_config.get("extra") != "forbid"
        for key, prop in given.items():
            if anything or self.spelling.field_of(key) is not None:
                self.used[key] = prop
                continue
            near = self.spelling.suggestion(key, self.given.reserved)
            see = f"`flume components {self.given.label.rpartition(' ')[2]}` lists its properties"
            self.findings.repaired(
                f"a {self.given.label} has no property {key}",
                key=self._key(key),
                at=prop,
                effect="it is ignored",
                cure=f"did you mean {self._key(near)}?" if near else see,
            )
            if near is None:
                continue
            self.findings.suggested.add(self._key(near))
            name = self.spelling.field_of(near)
            if name and not any(self.spelling.field_of(k) == name for k in given):
                self.assumed.add(name)
                if self.findings.strict:
                    self.used[near] = prop
        if self.findings.strict:
            self.assumed |= {
                name for key in self.given.empty if (name := self.spelling.field_of(key))
            }
        else:
            self.assumed = set()

    def _keep_one_spelling(self) -> None:
        by_field: dict[str, list[str]] = {}
        for key in self.used:
            name = self.spelling.sets_alone(key)
            if name is not None:
                by_field.setdefault(name, []).append(key)
        for name, keys in by_field.items():
            first, *others = self.spelling.by_preference(keys)
            for key in others:
                if self.used[key].value != self.used[first].value:
                    self.findings.repaired(
                        f"{key} and {first} are two spellings of {name}, with different values",
                        key=self._key(key),
                        at=self.used[key],
                        effect=f"{first} counts",
                        cure=f"keep {self._key(first)} only",
                    )
                del self.used[key]

    def _read_booleans_as_java(self, texts: dict[str, str]) -> None:
        for key, text in texts.items():
            name = self.spelling.sets_alone(key)
            if name is None or not is_boolean(self.model.model_fields[name]):
                continue
            if text.strip().lower() not in ("true", "false"):
                self.findings.repaired(
                    f"{quoted(self.used[key])} is neither true nor false",
                    key=self._key(key),
                    at=self.used[key],
                    effect="it is read as false",
                    cure="write true or false",
                )
                texts[key] = "false"

    def _validated(self, texts: dict[str, str]) -> ComponentConfig | None:
        while True:
            try:
                return self.model.model_validate(texts)
            except ValidationError as e:
                errors = e.errors(include_input=False, include_url=False)
            except Exception as e:  # noqa: BLE001 - the model may be anybody's
                self.findings.broken(
                    f"the configuration model of this {self.given.label} failed: {type(e).__name__}",
                    key=self.given.path,
                    at=self.given.at,
                    cure=f"this is a defect of {self.model.__module__}; report it to its authors",
                )
                return None
            if self.findings.strict or not self._repair(errors, texts):
                for error in errors:
                    self._report(error)
                self.findings.failed = True
                return None if self.findings.mode is Mode.LENIENT else self._rest(errors, texts)

    def _rest(
        self, errors: Iterable[ErrorDetails], texts: dict[str, str]
    ) -> ComponentConfig | None:
        """Return the configuration without what is wrong, to check what depends on the rest of it."""
        located = [self._located(error) for error in errors]
        self.doubtful = self.assumed | {name for name, _ in located if name}
        bad = {key for _, key in located} | {
            k for k in texts if self.spelling.field_of(k) in self.assumed
        }
        for key in bad & texts.keys():
            del texts[key]
        try:
            return self.model.model_validate(texts)
        except Exception:  # noqa: BLE001 - all that is wrong is reported already
            return None

    def _repair(self, errors: Iterable[ErrorDetails], texts: dict[str, str]) -> bool:
        """Replace bad values by defaults where Java does; return whether that changed anything."""
        repaired = False
        for error in errors:
            name, key = self._located(error)
            if name is None or key not in texts:
                continue
            field_info = self.model.model_fields[name]
            if marker(field_info, JavaRepairs) is None or field_info.is_required():
                continue
            self.findings.repaired(
                complaint(error, self.used[key]),
                key=self._key(key),
                at=self.used[key],
                effect=f"the default {default_of(field_info)}".rstrip() + " is used",
                cure=expectation(field_info, error, self.used[key]),
            )
            del texts[key]
            repaired = True
        return repaired

    def _report(self, error: ErrorDetails) -> None:
        name, key = self._located(error)
        if name in self.assumed or (name is None and self.assumed):
            return
        prop = self.used.get(key)
        if error["type"] == "missing" and name is not None:
            self._report_missing(name)
            return
        message = complaint(error, prop)
        if prop is None:
            for other in self.used.values():
                message = without_value(message, other)
        self.findings.broken(
            message,
            key=self._key(key) if prop else self.given.path,
            at=prop or self.given.at,
            cure=expectation(self.model.model_fields[name], error, prop) if name else "",
        )

    def _report_missing(self, name: str) -> None:
        key = self.spelling.key_for(name)
        description = self.model.model_fields[name].description
        self.findings.broken(
            f"a {self.given.label} needs the property {key}",
            key=self._key(key),
            at=self.given.at,
            cure=f"write {self._key(key)} = ..." + (f" ({description})" if description else ""),
        )

    def _located(self, error: ErrorDetails) -> tuple[str | None, str]:
        """Return the field that an error is about, and the key that set it ('' if none did)."""
        location = error["loc"]
        if not location or location[0] not in self.model.model_fields:
            return None, mentioned(error["msg"], self.used) or ""
        name = str(location[0])
        own = [key for key in self.used if self.spelling.sets_alone(key) == name]
        if not own and len(location) > 1:
            own = self.spelling.members(name, str(location[1]))
        return name, next((key for key in own if key in self.used), "")

    def _with_nested(
        self, config: ComponentConfig | None, texts: dict[str, str]
    ) -> ComponentConfig | None:
        """Check the nested components, of a broken configuration too; return it with theirs repaired."""
        changed: dict[str, NestedComponent] = {}
        for name, field_info in self.model.model_fields.items():
            nested = marker(field_info, Nested)
            if nested is None:
                continue
            default = field_info.default
            type_ = default.type if isinstance(default, NestedComponent) else ""
            type_ = texts.get(nested.key, type_)
            own = [key for key in texts if key.startswith(nested.key + ".")]
            if not type_:
                if own:
                    self._report_missing(name)
                continue
            settings = self._nested_settings(nested, type_)
            if own and settings is not None:
                changed[name] = NestedComponent(type_, settings)
                for key in own:
                    del texts[key]
                texts.update({f"{nested.key}.{key}": text for key, text in settings.items()})
        return config.model_copy(update=changed) if config and changed else config

    def _nested_settings(self, nested: Nested, type_: str) -> Mapping[str, str] | None:
        start = nested.key + "."
        at = self.used.get(nested.key) or self.given.at
        try:
            cls = self.resolve(nested.kind, type_)
        except PluginError as e:
            self.findings.refused(e, key=self._key(nested.key), at=at)
            return None
        given = Given(
            self._key(nested.key),
            f"{nested.kind.replace('_', ' ')} of type {type_}",
            at,
            {key[len(start) :]: prop for key, prop in self.used.items() if key.startswith(start)},
            {
                key[len(start) :]: prop
                for key, prop in self.given.empty.items()
                if key.startswith(start)
            },
        )
        settled = read_settings(cls.config_model, given, self.findings, self.resolve)
        return settled.texts if settled else None

    def _key(self, key: str) -> str:
        return f"{self.given.path}.{key}"
