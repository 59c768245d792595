"""The peers: Apache Flume 1.11, rsyslog and syslog-ng, each set up for bulk as well as we know.

A peer that is not installed becomes a :class:`Missing` with the reason, never an error. rsyslog and
syslog-ng are looked for on the path and in the directory that ``fetch-peers`` fills
(:mod:`benchmarks.debian`); Debian does not let both be installed at once.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pipelines import Launch, Missing, Pipeline, RunDirectory, flume_properties

__all__ = ["PEER_NAMES", "peer_pipelines"]

PEER_NAMES = ("java-1000", "java-100", "java-file-1000", "rsyslog", "syslog-ng")

_JAVA = {
    "java-1000": ("1000", "memory"),
    "java-100": ("100", "memory"),
    "java-file-1000": ("1000", "file"),
}
"""Name, size of the batches, channel."""

_RSYSLOG = """\
global(workDirectory="{state}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
template(name="line" type="string" string="%rawmsg%\\n")
ruleset(name="copy" queue.type="FixedArray" queue.size="200000" queue.dequeueBatchSize="8192"
        queue.workerThreads="1") {{
    action(type="omfile" file="{output}/rsyslog.log" template="line" ioBufferSize="1m"
           asyncWriting="off" flushOnTXEnd="on")
}}
input(type="imfile" file="{input}/*.log" tag="benchmark" ruleset="copy" addMetadata="off")
"""

_SYSLOG_NG = """\
@version: {version}
options {{ threaded(yes); use-dns(no); stats-freq(0); log-fifo-size(60000); }};
source lines {{
    wildcard-file(base-dir("{input}") filename-pattern("*.log") monitor-method("inotify") flags(no-parse)
                  max-files(4) log-fetch-limit(2000) log-iw-size(40000) follow-freq(0.01));
}};
destination copy {{ file("{output}/syslog-ng.log" template("$MESSAGE\\n") flush-lines(5000)); }};
log {{ source(lines); destination(copy); flags(flow-control); }};
"""


@dataclass(frozen=True, slots=True)
class _Installed:
    """A program, and the directory it was unpacked into (``/`` if properly installed)."""

    program: Path
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        if self.root == Path("/"):
            return {}
        directories = {str(file.parent) for file in self.root.rglob("lib*.so*")}
        return {"LD_LIBRARY_PATH": os.pathsep.join(sorted(directories))}

    def modules(self, containing: str) -> str:
        """The directory of loadable modules, which an unpacked program has to be told."""
        return str(next(self.root.joinpath("usr/lib").rglob(containing)).parent)

    def says(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.program, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=20,
        )
        return done.stdout


def peer_pipelines(wanted: set[str], unpacked: Path) -> list[Pipeline | Missing]:
    """Those of the peers named in ``wanted``; ``unpacked`` is the directory of ``fetch-peers``."""
    found: list[Pipeline | Missing] = []
    if wanted & set(_JAVA):
        found += _java()
    found += [_rsyslog(unpacked), _syslog_ng(unpacked)]
    return [peer for peer in found if peer.name in wanted]


def _java() -> list[Pipeline | Missing]:
    try:
        from tests.support.java_flume import FLUME_VERSION, JavaFlumeUnavailable, find_java_flume
    except ImportError as missing:
        return _all_java(f"tests/support/java_flume.py is not beside the benchmarks: {missing}")
    try:
        java = find_java_flume()
    except JavaFlumeUnavailable as unavailable:
        return _all_java(str(unavailable))

    def prepare(sizes: str, channel: str) -> Callable[[RunDirectory], Launch]:
        def launch(run: RunDirectory) -> Launch:
            properties = flume_properties(run, sizes, channel=channel)
            return Launch(java.command(properties, run.state / "java", options=["-Xms2g"]))

        return launch

    text = f"Apache Flume {FLUME_VERSION}, the same configuration file; batches of"
    return [
        Pipeline(name, "peer", f"{text} {sizes}, {channel} channel", prepare(sizes, channel))
        for name, (sizes, channel) in _JAVA.items()
    ]


def _all_java(reason: str) -> list[Pipeline | Missing]:
    return [Missing(name, reason) for name in _JAVA]


def _rsyslog(unpacked: Path) -> Pipeline | Missing:
    installed = _find("rsyslogd", unpacked / "rsyslog")
    if installed is None:
        return Missing("rsyslog", "rsyslogd is not installed (Debian package rsyslog)")

    def prepare(run: RunDirectory) -> Launch:
        file = run.state / "rsyslog.conf"
        file.write_text(_RSYSLOG.format(state=run.state, input=run.input, output=run.output))
        argv = [str(installed.program), "-n", "-f", str(file), "-i", str(run.state / "pid")]
        if installed.environment:
            argv += ["-M", installed.modules("imfile.so")]
        return Launch(argv, installed.environment)

    version = re.search(r"rsyslogd\s+(\S+)", installed.says("-v"))
    return Pipeline(
        "rsyslog",
        "peer",
        f"rsyslog {version.group(1) if version else '?'}, imfile, omfile",
        prepare,
    )


def _syslog_ng(unpacked: Path) -> Pipeline | Missing:
    installed = _find("syslog-ng", unpacked / "syslog-ng-core")
    if installed is None:
        return Missing("syslog-ng", "syslog-ng is not installed (Debian package syslog-ng-core)")
    version = re.search(
        r"^syslog-ng \d+ \((\d+\.\d+)[^)]*\)", installed.says("--version"), re.MULTILINE
    )
    if version is None:
        return Missing("syslog-ng", f"{installed.program} --version does not say its version")
    number = version.group(1)

    def prepare(run: RunDirectory) -> Launch:
        file = run.state / "syslog-ng.conf"
        file.write_text(_SYSLOG_NG.format(version=number, input=run.input, output=run.output))
        argv = [str(installed.program), "--foreground", "--no-caps", f"--cfgfile={file}"]
        argv += [f"--{name}={run.state / name}" for name in ("persist-file", "pidfile", "control")]
        if installed.environment:
            argv.append(f"--module-path={installed.modules('libaffile.so')}")
        return Launch(argv, installed.environment)

    return Pipeline("syslog-ng", "peer", f"syslog-ng {number}, wildcard-file, file", prepare)


def _find(program: str, unpacked: Path) -> _Installed | None:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    if found := shutil.which(program, path=path):
        return _Installed(Path(found), Path("/"))
    for directory in ("usr/sbin", "usr/bin", "sbin"):
        if (unpacked / directory / program).exists():
            return _Installed((unpacked / directory / program).resolve(), unpacked.resolve())
    return None
