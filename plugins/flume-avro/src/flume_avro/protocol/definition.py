"""The protocol ``AvroSourceProtocol``: its text, its hash, and its messages.

The text is the one that Java Flume 1.9 to 1.11 sends and hashes, to the letter: another spelling of the
same protocol has another hash, and every first call then costs a round trip more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import IntEnum
from hashlib import md5
from typing import Any

__all__ = ["APPEND", "APPEND_BATCH", "PROTOCOL", "PROTOCOL_HASH", "Status", "has_our_layout"]

APPEND, APPEND_BATCH = "append", "appendBatch"

# fmt: off
PROTOCOL = (
    r'{"protocol":"AvroSourceProtocol","namespace":"org.apache.flume.source.avro","doc":'
    r'"* Licensed to the Apache Software Foundation (ASF) under one\n'
    r' * or more contributor license agreements.  See the NOTICE file\n'
    r' * distributed with this work for additional information\n'
    r' * regarding copyright ownership.  The ASF licenses this file\n'
    r' * to you under the Apache License, Version 2.0 (the\n'
    r' * \"License\"); you may not use this file except in compliance\n'
    r' * with the License.  You may obtain a copy of the License at\n'
    r' *\n'
    r' * http://www.apache.org/licenses/LICENSE-2.0\n'
    r' *\n'
    r' * Unless required by applicable law or agreed to in writing,\n'
    r' * software distributed under the License is distributed on an\n'
    r' * \"AS IS\" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY\n'
    r' * KIND, either express or implied.  See the License for the\n'
    r' * specific language governing permissions and limitations\n'
    r' * under the License.",'
    r'"types":[{"type":"enum","name":"Status","symbols":'
    r'["OK","FAILED","UNKNOWN"]},'
    r'{"type":"record","name":"AvroFlumeEvent","fields":['
    r'{"name":"headers","type":{"type":"map","values":"string"}},'
    r'{"name":"body","type":"bytes"}]}],'
    r'"messages":{'
    r'"append":'
    r'{"request":'
    r'[{"name":"event","type":"AvroFlumeEvent"}],"response":"Status"},'
    r'"appendBatch":{"request":'
    r'[{"name":"events","type":{"type":"array","items":"AvroFlumeEvent"}}],"response":"Status"}}}'
)
# fmt: on

PROTOCOL_HASH = md5(PROTOCOL.encode(), usedforsecurity=False).digest()


class Status(IntEnum):
    """How a call went; the client takes anything but OK as a failed delivery."""

    OK = 0
    FAILED = 1
    UNKNOWN = 2


_EVENT = ("record", (("headers", ("map", "string")), ("body", "bytes")))
_REQUESTS = {APPEND: [_EVENT], APPEND_BATCH: [("array", _EVENT)]}
_STATUS = ("enum", tuple(each.name for each in Status))


def has_our_layout(text: str) -> bool:
    """Tell whether the events of another spelling of the protocol have the same bytes as ours.

    Documentation, the order of messages and annotations change no bytes; the order and the types of an
    event's fields do.
    """
    try:
        protocol = json.loads(text)
        types = {each["name"]: each for each in protocol["types"]}
        calls = {n: m for n, m in protocol["messages"].items() if n in _REQUESTS}
        return bool(calls) and all(
            [_layout(part["type"], types) for part in call["request"]] == _REQUESTS[name]
            and _layout(call["response"], types) == _STATUS
            for name, call in calls.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _layout(schema: Any, types: Mapping[str, Any]) -> object:
    if isinstance(schema, str):
        named = types.get(schema.rpartition(".")[2])
        return schema if named is None else _layout(named, types)
    kind = schema["type"]
    if kind == "record":
        return kind, tuple(
            (field["name"], _layout(field["type"], types)) for field in schema["fields"]
        )
    if kind == "array":
        return kind, _layout(schema["items"], types)
    if kind == "map":
        return kind, _layout(schema["values"], types)
    if kind == "enum":
        return kind, tuple(schema["symbols"])
    return _layout(kind, types)
