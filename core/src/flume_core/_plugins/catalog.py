"""The catalog: from a kind and a type, as a configuration has it, to the class.

A catalog is a value: `Catalog.installed` is what the installed packages register, `Catalog.of` is what a
test hands it. Only the classes that somebody asks for are imported.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias, cast

from flume_core._plugins.entry_points import PREFIX, Registration, load, scan
from flume_core._plugins.known import is_known, known_names, providing_package
from flume_core.component import Component
from flume_core.config.findings import nearest
from flume_core.config.model import ComponentConfig
from flume_core.errors import PluginError, Problem, Severity

__all__ = ["Catalog", "Listed"]

AnyComponent: TypeAlias = type[Component[Any]]
_Resolved: TypeAlias = type[Component[ComponentConfig]]


@dataclass(frozen=True, slots=True)
class Listed:
    """One type that a catalog offers."""

    kind: str
    name: str
    providers: tuple[str, ...]
    """Distribution and version; more than one if several claim the name, which none can then use."""
    value: str
    """``module:Class``"""


class Catalog:
    """Finds component classes. Safe to share between threads: what is resolved twice is the same."""

    def __init__(
        self,
        registrations: Iterable[Registration] = (),
        components: Mapping[tuple[str, str], AnyComponent] | None = None,
    ) -> None:
        self._registrations = tuple(registrations)
        self._components = {
            (kind, name.casefold()): (name, cls) for (kind, name), cls in (components or {}).items()
        }
        self._groups: dict[str, dict[str, list[Registration]]] = {}
        for registration in self._registrations:
            kind = registration.group.removeprefix(PREFIX)
            names = self._groups.setdefault(kind, {})
            names.setdefault(registration.name.casefold(), []).append(registration)
        self._resolved: dict[tuple[str, str], _Resolved] = {}

    @classmethod
    def of(cls, components: Mapping[tuple[str, str], AnyComponent]) -> Catalog:
        """Return a catalog of these classes only, by kind and type."""
        return cls(components=components)

    @classmethod
    def installed(cls) -> Catalog:
        """Return the catalog of what is installed now."""
        return cls(scan())

    def with_(self, components: Mapping[tuple[str, str], AnyComponent]) -> Catalog:
        """Return this catalog with more classes; they take precedence over what is installed."""
        return Catalog(self._registrations, {**dict(self._own()), **components})

    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of which there is at least one component."""
        return tuple(sorted({*self._groups, *(kind for kind, _ in self._components)} - {"hooks"}))

    def names(self, kind: str) -> tuple[Listed, ...]:
        """Return the types of a kind, by name, without importing any."""
        listed = {
            folded: Listed(
                kind, some[0].name, tuple(dict.fromkeys(r.provider for r in some)), some[0].value
            )
            for folded, some in self._groups.get(kind, {}).items()
        }
        for (own_kind, folded), (name, cls) in self._components.items():
            if own_kind == kind:
                listed[folded] = Listed(kind, name, (), f"{cls.__module__}:{cls.__qualname__}")
        return tuple(listed[folded] for folded in sorted(listed))

    def resolve(self, kind: str, type_: str) -> _Resolved:
        """Return the class of a component of ``kind`` (``sink``).

        ``type_`` is a registered name or Java class name, in any case, or an import path
        ``module:Class``. Raises `PluginError`, with a cure, if it is unknown, claimed by two packages,
        fails to import, or is not a component of that kind.
        """
        key = (kind, type_)
        if key not in self._resolved:
            self._resolved[key] = self._find(kind, type_)
        return self._resolved[key]

    def _find(self, kind: str, type_: str) -> _Resolved:
        folded = type_.casefold()
        own = self._components.get((kind, folded))
        if own is not None:
            return _checked(own[1], kind, type_, "")
        registrations = self._groups.get(kind, {}).get(folded)
        if registrations:
            chosen = _chosen(kind, type_, registrations)
            return _checked(self._load(chosen, kind, type_), kind, type_, chosen.provider)
        if ":" in type_:
            return _checked(_import(kind, type_), kind, type_, "")
        self._refuse_unknown(kind, type_)

    def _load(self, registration: Registration, kind: str, type_: str) -> object:
        group = [
            r for some in self._groups[kind].values() for r in some if r.group == registration.group
        ]
        try:
            return load(registration, group)
        except KeyboardInterrupt:
            raise
        except BaseException as e:  # noqa: BLE001 - a plugin's sys.exit must not end the agent
            module = registration.value.partition(":")[0]
            absent = _other_module_missing(e, module)
            missing = f"the module {absent} is missing: " if absent else ""
            _refuse(
                f"{registration.provider} provides the {_label(kind)} type {type_}, but its module "
                f"{module} fails to import: {_shown(e)}",
                f"{missing}reinstall the package with what it needs "
                f"(pip install --force-reinstall {registration.package})",
                e,
            )

    def _refuse_unknown(self, kind: str, type_: str) -> NoReturn:
        label = _label(kind)
        package = providing_package(kind, type_)
        if package is not None:
            _refuse(f"the {label} type {type_} is not installed", f"pip install {package}")
        installed = [listed.name for listed in self.names(kind)]
        if not installed:
            _refuse(
                f"no {label} types are installed at all, not even those of flume-core",
                "reinstall it (pip install --force-reinstall flume-core)",
            )
        choose = f"choose one of {', '.join(name for name in installed if '.' not in name)}"
        if is_known(kind, type_):
            _refuse(
                f"Apache Flume has the {label} type {type_}, but no package is known that provides it "
                "here",
                f"{choose}; or install or write a package that registers it",
            )
        other = next((k for k in self.kinds() if self._has(k, type_) and k != kind), None)
        if other is not None:
            _refuse(f"{type_} is a {_label(other)} type, not a {label} type", choose)
        near = nearest(type_, [*installed, *known_names(kind)])
        cure = f"did you mean {near}?" if near else choose
        if not near and "." in type_:
            module, _, name = type_.rpartition(".")
            cure = f"a Python class is written {module}:{name}; Java classes cannot be loaded"
        _refuse(f"unknown {label} type {type_!r}", cure)

    def _has(self, kind: str, type_: str) -> bool:
        folded = type_.casefold()
        return folded in self._groups.get(kind, {}) or (kind, folded) in self._components

    def _own(self) -> Iterator[tuple[tuple[str, str], AnyComponent]]:
        for (kind, _), (name, cls) in self._components.items():
            yield (kind, name), cls


def _chosen(kind: str, type_: str, registrations: list[Registration]) -> Registration:
    providers = sorted({r.provider for r in registrations})
    if len({r.package for r in registrations}) > 1:
        values = ", ".join(sorted({r.value for r in registrations}))
        _refuse(
            f"the {_label(kind)} type {type_} is claimed by {' and by '.join(providers)}",
            f"uninstall one of them, or write the class that is meant as the type: {values}",
        )
    return next((r for r in registrations if r.name == type_), registrations[0])


def _import(kind: str, path: str) -> object:
    module, _, name = path.partition(":")
    try:
        found: object = importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as e:  # noqa: BLE001 - the module is somebody else's
        misspelt = isinstance(e, ModuleNotFoundError) and not _other_module_missing(e, module)
        _refuse(
            f"the {_label(kind)} type {path} cannot be imported: {_shown(e)}",
            "check the spelling, and that PYTHONPATH has the folder of the module"
            if misspelt
            else f"correct the module {module}, or install what it needs",
            e,
        )
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except Exception as e:  # noqa: BLE001 - a module may have a __getattr__ of its own
            near = nearest(part, dir(found))
            cure = f"did you mean {near}?" if near else f"name a class that {module} defines"
            _refuse(f"the {_label(kind)} type {path} does not exist: {_shown(e)}", cure, e)
    return found


def _checked(found: object, kind: str, type_: str, provider: str) -> _Resolved:
    by = f" (from {provider})" if provider else ""
    if not (inspect.isclass(found) and issubclass(found, Component)):
        described = (
            f"the class {found.__name__}" if inspect.isclass(found) else type(found).__name__
        )
        _refuse(
            f"the {_label(kind)} type {type_}{by} is no component class, it is {described}",
            f"name a class derived from one of flume_core's {_label(kind)} classes",
        )
    if found.kind != kind:
        _refuse(
            f"the type {type_}{by} is a {_label(found.kind)}, not a {_label(kind)}",
            f"use it as a {_label(found.kind)}, or name a {_label(kind)} class",
        )
    if inspect.isabstract(found):
        methods = ", ".join(sorted(found.__abstractmethods__))
        _refuse(
            f"the {_label(kind)} type {type_}{by} is unfinished: {found.__name__} lacks {methods}",
            f"define {methods} in the class, or name a class derived from it",
        )
    return cast(_Resolved, found)


def _other_module_missing(error: BaseException, module: str) -> str | None:
    """Return what an import of ``module`` lacks besides the module itself."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    return None if f"{module}.".startswith(f"{error.name}.") else error.name


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _label(kind: str) -> str:
    return kind.replace("_", " ")


def _refuse(message: str, cure: str, cause: BaseException | None = None) -> NoReturn:
    raise PluginError(problems=[Problem(Severity.ERROR, message, cure=cure)]) from cause
