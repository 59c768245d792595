"""``flume channel import``: what waits in a Java file channel, into one of ours.

The Java directories are only read. How far the copy got is committed together with the events, as progress
of the import: a command that was interrupted goes on where it stopped, and one that is repeated does nothing.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event as Flag

from flume_core.component import Component, ComponentContext, SystemClock
from flume_core.config.model import ComponentConfig
from flume_core.errors import ConfigurationError, FlumeError, PluginError
from flume_core.metrics import ComponentMetrics
from flume_filechannel.channel import FileChannel
from flume_filechannel.config import FileChannelConfig
from flume_filechannel.java.backlog import JavaBacklog
from flume_filechannel.java.directory import find_java_channel, read_java_channel
from flume_filechannel.java.encryption import KeyLookup
from flume_filechannel.java.jceks import read_key_store

__all__ = ["run_import"]

_BATCH = 1000
_MOVED = "moved"


def run_import(arguments: argparse.Namespace) -> int:
    """Carry out the command; return the exit code: 0, 1 for wrong settings, 3 for anything else."""
    try:
        return _import(arguments)
    except ConfigurationError as error:
        _say(f"flume channel import: {error}")
        return 1
    except (FlumeError, OSError) as error:
        _say(f"flume channel import: {error}")
        return 3


def _import(arguments: argparse.Namespace) -> int:
    found = find_java_channel(Path(arguments.directory))
    with read_java_channel(
        found.data_dirs,
        found.checkpoint_dir,
        keys=_keys(arguments),
        on_corruption="fail" if arguments.fail_on_corruption else "report",
    ) as backlog:
        total = backlog.waiting
        channel = _channel(arguments)
        channel.start()
        try:
            owner = f"import.{Path(arguments.directory).resolve()}"
            done = int(channel.progress(owner).get(_MOVED, b"0"))
            if done:
                _say(f"{done:,} events were copied before: going on behind them")
            moved = _copy(backlog, channel, owner, done, total)
        finally:
            channel.stop()
        for finding in backlog.findings:
            _say(f"note: {finding}")
        print(f"{moved:,} of {total:,} waiting events are in {arguments.data_dirs}")
        if backlog.unreadable:
            _say(f"{backlog.unreadable:,} events could not be read; see above")
        _say("the Java directories are unchanged; remove them when the events have arrived")
    return 0


def _copy(backlog: JavaBacklog, channel: FileChannel, owner: str, done: int, total: int) -> int:
    """Put all batches behind the first ``done`` events; return how many are in the channel now."""
    seen = 0
    told = done
    for batch in backlog.batches(max_events=_BATCH):
        first, seen = seen, seen + len(batch)
        if seen <= done:
            continue
        rest = batch.slice(max(0, done - first), len(batch))
        with channel.transaction() as tx:
            tx.put(rest)
            tx.save_progress(owner, {_MOVED: b"%d" % seen})
        if (seen - told) * 20 >= total:
            told = seen
            _say(f"{seen:,} of {total:,} events ({100 * seen // total} %)")
    return max(done, seen)


def _channel(arguments: argparse.Namespace) -> FileChannel:
    config = FileChannelConfig.model_validate(
        {
            "checkpointDir": arguments.checkpoint_dir,
            "dataDirs": arguments.data_dirs,
            "capacity": arguments.capacity or 2**62,
            "keep-alive": 0,
        }
    )
    context = ComponentContext(
        agent="import",
        name="of the import",
        log=logging.getLogger("flume.import"),
        clock=SystemClock(),
        metrics=ComponentMetrics("CHANNEL.import"),
        create=_no_components,
        stopping=Flag(),
    )
    return FileChannel(config, context)


def _no_components(
    kind: str, type_: str, settings: Mapping[str, str], /
) -> Component[ComponentConfig]:
    raise PluginError(f"an import uses no {kind}")


def _keys(arguments: argparse.Namespace) -> KeyLookup | None:
    if not arguments.key_store:
        return None
    if not arguments.key_store_password_file:
        raise ConfigurationError("--key-store needs --key-store-password-file")
    password = Path(arguments.key_store_password_file).read_text(encoding="utf-8").strip()
    return read_key_store(Path(arguments.key_store), password)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
