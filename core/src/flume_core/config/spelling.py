"""The spellings that a configuration model knows, and the one that a misspelt key was meant for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flume_core.config.findings import nearest
from flume_core.config.model import ComponentConfig, prefixes, spellings

__all__ = ["Spelling"]


class Spelling:
    """The keys of one model."""

    def __init__(self, model: type[ComponentConfig]) -> None:
        self._keys = spellings(model)
        self._groups = prefixes(model)

    def field_of(self, key: str) -> str | None:
        """Return the field that a key sets, alone or as one of a group; None if the key is unknown."""
        if key in self._keys:
            return self._keys[key]
        matching = (p for p in self._groups if key.startswith(p) and len(key) > len(p))
        prefix = max(matching, key=len, default=None)
        return self._groups[prefix] if prefix else None

    def sets_alone(self, key: str) -> str | None:
        """Return the field that a key sets without others; None for members of groups."""
        return self._keys.get(key)

    def by_preference(self, keys: Iterable[str]) -> list[str]:
        """Return spellings of one field, Flume's own first."""
        order = list(self._keys)
        return sorted(keys, key=order.index)

    def key_for(self, name: str) -> str:
        """Return the key to write for a field: ``filegroups.<name>`` for a group."""
        known = next((key for key, of in self._keys.items() if of == name), None)
        return known or next(f"{p}<name>" for p, of in self._groups.items() if of == name)

    def members(self, name: str, member: str) -> list[str]:
        """Return the keys that may have set a member of the group that a field collects."""
        return [f"{prefix}{member}" for prefix, of in self._groups.items() if of == name]

    def suggestion(self, key: str, reserved: Sequence[str]) -> str | None:
        """Return the nearest key to an unknown one, also among ``reserved`` (``x.`` is a group)."""
        parts = key.split(".")
        for prefix in (*self._groups, *(name for name in reserved if name.endswith("."))):
            depth = prefix.count(".")
            head, rest = ".".join(parts[:depth]), ".".join(parts[depth:])
            if rest and nearest(head, [prefix], similarity=0.7):
                return prefix + rest
        return nearest(key, [*self._keys, *(name for name in reserved if not name.endswith("."))])
