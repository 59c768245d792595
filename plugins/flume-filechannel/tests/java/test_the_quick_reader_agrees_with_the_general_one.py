from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flume_filechannel.java import record_v3
from flume_filechannel.java.protobuf import MalformedMessage
from flume_filechannel.java.put_v3 import usual_put
from flume_filechannel.java.record_v3 import FramedRecords
from flume_filechannel.java.window import Window


def test_recorded_puts_are_of_the_usual_shape(vectors: dict[str, Any]) -> None:
    for record in vectors["data_file"]["records"]:
        event = usual_put(bytes.fromhex(record["hex"])[5:])
        if record["type"] == "PUT":
            assert event is not None
            assert event.body.decode() == record["body"]
            assert dict(event.headers) == record["headers"]
        else:
            assert event is None


@settings(database=None, deadline=None)
@given(
    headers=st.dictionaries(st.text(max_size=200), st.text(max_size=200), max_size=4),
    body=st.binary(max_size=400),
    change=st.none() | st.tuples(st.integers(0, 2000), st.integers(1, 255)),
)
def test_both_give_the_same_event_or_none(
    channel_writer: Any,
    headers: dict[str, str],
    body: bytes,
    change: tuple[int, int] | None,
) -> None:
    """A record that the quick reader leaves alone is read by the general one; no other may differ.

    Only the header before the put, which the replay has read already, does not concern the quick one.
    """
    log = channel_writer(Path("unused"), 1, bytearray(), count(1))
    log.put(1, body, {key.encode(): value.encode() for key, value in headers.items()})
    record = bytearray(log.content)
    header = 1 + record[5]
    at = 0 if change is None else change[0] % (len(record) - 5)
    if change is not None:
        record[5 + at] ^= change[1]
    event = usual_put(bytes(record[5:]))
    if change is None:
        assert event is not None
    if event is not None:
        try:
            kind, _, _, start, stop = record_v3._parts(bytes(record[5:]))
        except MalformedMessage:
            assert change is not None
            assert at < header
            return
        assert kind == 1
        general = record_v3._event(bytes(record[5:]), start, stop)
        assert (event.body, dict(event.headers)) == (general.body, dict(general.headers))


def test_records_in_an_unusual_order_of_fields_are_read_all_the_same(
    channel: Any, tmp_path: Path
) -> None:
    """Nothing says that a protobuf message has its fields in order."""
    log = channel.log(1)
    log.put(1, b"body", {b"k": b"v"})
    content = bytes(log.content)
    key, value = b"\x0a\x01k", b"\x12\x01v"
    assert key + value in content
    swapped = content.replace(key + value, value + key)
    assert usual_put(swapped[5:]) is None
    (tmp_path / "log").write_bytes(swapped)
    with Window(tmp_path / "log") as window:
        event = FramedRecords(1).event(window, 0)
    assert (event.body, dict(event.headers)) == (b"body", {"k": "v"})
