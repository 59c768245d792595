"""The little of Java's object serialization that a key store needs: plain objects of strings and bytes.

An object becomes a mapping of its fields, superclasses first; values are ints, texts, bytes, mappings or
None. Anything else in the stream (custom written data, other arrays) is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TypeAlias, Union

__all__ = ["JavaObject", "JavaValue", "NotAJavaObject", "read_java_object"]

JavaObject: TypeAlias = "Mapping[str, JavaValue]"
JavaValue: TypeAlias = Union[int, str, bytes, "JavaObject", None]

_MAGIC = b"\xac\xed\x00\x05"
_NULL, _REFERENCE, _CLASS, _OBJECT, _STRING, _ARRAY = 0x70, 0x71, 0x72, 0x73, 0x74, 0x75
_END_BLOCK, _ENUM = 0x78, 0x7E
_FIRST_HANDLE = 0x7E0000
_SERIALIZABLE, _WRITES_ITSELF = 0x02, 0x01
_PRIMITIVES = {"B": ">b", "C": ">H", "I": ">i", "J": ">q", "S": ">h", "Z": ">?"}
_DEEPEST = 32


class NotAJavaObject(ValueError):
    """The bytes are no serialized object of the kinds that are read here."""


class _Class:
    __slots__ = ("fields", "flags", "name", "parent")

    def __init__(self, name: str) -> None:
        self.name = name
        self.flags = 0
        self.fields: list[tuple[str, str]] = []
        self.parent: _Class | None = None


def read_java_object(data: bytes, position: int = 0) -> tuple[JavaObject, int]:
    """Return the object whose stream begins at ``position``, and the position behind it."""
    if data[position : position + 4] != _MAGIC:
        raise NotAJavaObject("no object stream begins there")
    reader = _Reader(data, position + 4)
    value = reader.value(0)
    if not isinstance(value, Mapping):
        raise NotAJavaObject("the stream holds no object")
    return value, reader.position


class _Reader:
    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self.position = position
        self._handles: list[JavaValue | _Class] = []

    def value(self, depth: int) -> JavaValue:
        if depth > _DEEPEST:
            raise NotAJavaObject("objects are nested too deeply")
        code = self._number(">B")
        if code == _NULL:
            return None
        if code == _REFERENCE:
            known = self._referred()
            if isinstance(known, _Class):
                raise NotAJavaObject("a class where a value was expected")
            return known
        if code == _STRING:
            text = self._text()
            self._handles.append(text)
            return text
        if code == _ARRAY:
            return self._bytes(depth)
        if code == _OBJECT:
            return self._object(depth)
        if code == _ENUM:
            self._class(depth)
            self._handles.append(None)
            return self.value(depth + 1)
        raise NotAJavaObject(f"type code {code:02x}")

    def _object(self, depth: int) -> JavaObject:
        described = self._class(depth)
        found: dict[str, JavaValue] = {}
        self._handles.append(found)
        lineage: list[_Class] = []
        while described is not None:
            lineage.insert(0, described)
            if len(lineage) > _DEEPEST:
                raise NotAJavaObject("too many superclasses")
            described = described.parent
        for each in lineage:
            if not each.flags & _SERIALIZABLE or each.flags & _WRITES_ITSELF:
                raise NotAJavaObject(f"{each.name} writes itself in a form of its own")
            for kind, name in each.fields:
                form = _PRIMITIVES.get(kind)
                found[name] = self.value(depth + 1) if form is None else self._number(form)
        return found

    def _bytes(self, depth: int) -> bytes:
        described = self._class(depth)
        if described is None or described.name != "[B":
            raise NotAJavaObject("an array of something else than bytes")
        index = len(self._handles)
        self._handles.append(None)
        data = self._take(self._number(">i"))
        self._handles[index] = data
        return data

    def _class(self, depth: int) -> _Class | None:
        code = self._number(">B")
        if code == _NULL:
            return None
        if code == _REFERENCE:
            known = self._referred()
            if not isinstance(known, _Class):
                raise NotAJavaObject("a value where a class was expected")
            return known
        if code != _CLASS or depth > _DEEPEST:
            raise NotAJavaObject(f"type code {code:02x} where a class was expected")
        described = _Class(self._text())
        self._take(8)  # serialVersionUID
        self._handles.append(described)
        described.flags = self._number(">B")
        for _ in range(self._number(">h")):
            kind = chr(self._number(">B"))
            name = self._text()
            if kind in "[L":
                self.value(depth + 1)  # the type of the field, as a string
            elif kind not in _PRIMITIVES:
                raise NotAJavaObject(f"a field of type {kind!r}")
            described.fields.append((kind, name))
        if self._number(">B") != _END_BLOCK:
            raise NotAJavaObject("class annotations")
        described.parent = self._class(depth + 1)
        return described

    def _referred(self) -> JavaValue | _Class:
        index = self._number(">i") - _FIRST_HANDLE
        if not 0 <= index < len(self._handles):
            raise NotAJavaObject("a reference to nothing")
        return self._handles[index]

    def _text(self) -> str:
        try:
            return self._take(self._number(">H")).decode("utf-8")
        except UnicodeDecodeError as e:
            raise NotAJavaObject("a text that is not UTF-8") from e

    def _number(self, form: str) -> int:
        value: int = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _take(self, length: int) -> bytes:
        if not 0 <= length <= len(self._data) - self.position:
            raise NotAJavaObject("the stream is cut off")
        data = self._data[self.position : self.position + length]
        self.position += length
        return data
