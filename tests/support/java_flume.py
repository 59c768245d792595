"""The real Apache Flume 1.11, for the tests and benchmarks that compare with it.

Maven fetches its jars by coordinates, once, into a cache directory: ``$FLUME_PYTHON_CACHE``, else
``$XDG_CACHE_HOME/flume-python-tests``, else ``~/.cache/flume-python-tests``. Where Maven looks, and through
which mirror, is the machine's own Maven set-up; nothing here names a host.

    java_flume = require_java_flume()              # skips the test where there is no Java or no Maven
    with java_flume.agent(properties, tmp_path) as agent:
        ...                                        # every source and sink was started
    assert agent.log_text()                        # still readable afterwards

The agent gets nothing but its configuration file, so it listens where that says: use 127.0.0.1.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self
from xml.sax.saxutils import escape

__all__ = [
    "FLUME_VERSION",
    "JavaAgent",
    "JavaAgentError",
    "JavaFlume",
    "JavaFlumeUnavailable",
    "find_java_flume",
    "require_java_flume",
]

FLUME_VERSION = "1.11.0"
NO_JAVA_OR_MAVEN = "skipped: no Java or Maven"

_ARTIFACTS = (
    ("org.apache.flume", "flume-ng-node", FLUME_VERSION),
    ("org.apache.flume.flume-ng-sources", "flume-taildir-source", FLUME_VERSION),
    ("org.apache.flume.flume-ng-channels", "flume-file-channel", FLUME_VERSION),
    ("org.apache.flume.flume-ng-channels", "flume-spillable-memory-channel", FLUME_VERSION),
    ("org.apache.logging.log4j", "log4j-core", "2.20.0"),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.20.0"),
)
# Not started by anything here, and each drags in a database, an IRC library or Hadoop's formats.
_EXCLUDED = (
    ("org.apache.flume.flume-ng-channels", "flume-jdbc-channel"),
    ("org.apache.flume.flume-ng-sinks", "flume-hdfs-sink"),
    ("org.apache.flume.flume-ng-sinks", "flume-irc-sink"),
)

_LOG4J = """\
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %-5p [%t] %c: %m%n%ex
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


# Flume logs these and runs on without the component.
_DROPPED = re.compile(r"Could not configure|has been removed due to|Configuration is invalid")


class JavaFlumeUnavailable(Exception):
    """There is no Java Flume to run here; the text is the reason."""


class JavaAgentError(Exception):
    """A Java agent did not start, or ended on its own; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class JavaFlume:
    """A Java interpreter and the jars of Apache Flume."""

    java: Path
    classpath: str

    def command(
        self,
        properties: Path,
        work: Path,
        *,
        name: str = "a1",
        heap: str = "2g",
        options: Sequence[str] = (),
    ) -> list[str]:
        """The command line of an agent that logs to ``work/flume.log``; writes its log4j file there.

        ``work`` also takes the place of the user's home directory, where Flume has default paths;
        ``options`` are further ones for the virtual machine.
        """
        work.mkdir(parents=True, exist_ok=True)
        log4j = work / "log4j2.properties"
        log4j.write_text(_LOG4J.format(log=work / "flume.log"), encoding="utf-8")
        return [
            str(self.java),
            f"-Xmx{heap}",
            *options,
            f"-Duser.home={work}",
            f"-Djava.io.tmpdir={work}",
            "-Djava.net.preferIPv4Stack=true",
            f"-Dlog4j2.configurationFile={log4j}",
            "-cp",
            self.classpath,
            "org.apache.flume.node.Application",
            "-n",
            name,
            "-f",
            str(properties),
            "--no-reload-conf",
        ]

    def agent(
        self, properties: Path | str, work: Path, *, name: str = "a1", heap: str = "2g"
    ) -> JavaAgent:
        """An agent, not yet started. ``properties`` is a file, or the text of one."""
        if isinstance(properties, str):
            work.mkdir(parents=True, exist_ok=True)
            file = work / "flume.properties"
            file.write_text(properties, encoding="utf-8")
            properties = file
        return JavaAgent(
            self.command(properties, work, name=name, heap=heap), properties, work, name
        )


class JavaAgent:
    """One process of Apache Flume. As a context manager: started on entry, stopped on exit."""

    def __init__(self, command: list[str], properties: Path, work: Path, name: str) -> None:
        self.command = command
        self.log_file = work / "flume.log"
        self._console = work / "console.log"
        self._work = work
        self._expected = _started_lines(properties.read_text(encoding="utf-8"), name)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, until: str | None = None, timeout: float = 60.0) -> Self:
        """Start it and wait until Flume logged the start of every source (sink, if it has no source).

        Args:
            until: a regular expression that must also be found in the log.
            timeout: seconds to wait.

        Raises:
            JavaAgentError: it ended, dropped a component, or was not ready in time.
        """
        if self._process is not None:
            raise JavaAgentError("this Java agent was already started; make another one")
        self.log_file.unlink(missing_ok=True)
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                self.command, cwd=self._work, stdout=console, stderr=subprocess.STDOUT
            )
        try:
            self._wait_ready(until, timeout)
        except BaseException:
            self.kill()
            raise
        return self

    @property
    def pid(self) -> int:
        """The process id of the running agent."""
        return self._running().pid

    def log_text(self) -> str:
        """What Flume has logged so far."""
        return (
            self.log_file.read_text(encoding="utf-8", errors="replace")
            if self.log_file.exists()
            else ""
        )

    def stop(self, timeout: float = 30.0) -> int:
        """SIGTERM, on which Flume stops its components in order; SIGKILL after ``timeout`` seconds.

        Returns:
            The exit code of the process.
        """
        process = self._running()
        process.terminate()
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL, as in a crash; returns the exit code."""
        process = self._running()
        process.kill()
        return process.wait(30)

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._running().poll() is None:
            self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise JavaAgentError("this Java agent was not started")
        return self._process

    def _wait_ready(self, until: str | None, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            text = self.log_text()
            missing = [line for line in self._expected if line not in text]
            if not missing and (until is None or re.search(until, text)):
                return
            if self._running().poll() is not None:
                self._fail("ended while starting", text)
            if _DROPPED.search(text):
                self._fail("refused a part of its configuration", text)
            if time.monotonic() > deadline:
                self._fail(
                    f"was not ready after {timeout:.0f} s; missing: {missing or until}", text
                )
            time.sleep(0.02)

    def _fail(self, what: str, log: str) -> NoReturn:
        console = self._console.read_text(encoding="utf-8", errors="replace")
        tail = "\n".join((log + console).splitlines()[-30:])
        raise JavaAgentError(f"the Java agent {what}\n{tail}")


def find_java_flume() -> JavaFlume:
    """Java Flume, fetched by Maven on the first call on this machine (some minutes at most).

    Raises:
        JavaFlumeUnavailable: no Java or Maven, or Maven could not fetch the jars.
    """
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None:
        raise JavaFlumeUnavailable(NO_JAVA_OR_MAVEN)
    return JavaFlume(Path(java), str(_jars(maven) / "*"))


def require_java_flume() -> JavaFlume:
    """Java Flume for a test, which is skipped with the reason where there is none."""
    import pytest

    try:
        return find_java_flume()
    except JavaFlumeUnavailable as unavailable:
        pytest.skip(str(unavailable))


def _jars(maven: str) -> Path:
    """The directory of jars; its name is a digest of the project file, so a change fetches anew."""
    pom = _pom()
    cache = _cache_directory()
    jars = cache / f"apache-flume-{FLUME_VERSION}-{hashlib.sha256(pom.encode()).hexdigest()[:12]}"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            _fetch(maven, pom, cache, jars)
    return jars


def _fetch(maven: str, pom: str, cache: Path, jars: Path) -> None:
    """Fetch beside the final place and rename, so that an interrupted run leaves nothing half done."""
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as scratch:
        (Path(scratch) / "pom.xml").write_text(pom, encoding="utf-8")
        command = [maven, "-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime"]
        command.append(f"-DoutputDirectory={scratch}/lib")
        try:
            done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=600)
        except subprocess.TimeoutExpired as slow:
            raise JavaFlumeUnavailable("skipped: Maven took more than 600 s") from slow
        if done.returncode != 0:
            errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
            reason = errors[0] if errors else f"exit code {done.returncode}"
            raise JavaFlumeUnavailable(
                f"skipped: Maven could not fetch Apache Flume {FLUME_VERSION}: {reason}"
            )
        os.rename(f"{scratch}/lib", jars)


def _cache_directory(environ: Mapping[str, str] = os.environ) -> Path:
    if own := environ.get("FLUME_PYTHON_CACHE"):
        return Path(own)
    if base := environ.get("XDG_CACHE_HOME"):
        return Path(base) / "flume-python-tests"
    return Path.home() / ".cache" / "flume-python-tests"


def _pom() -> str:
    def coordinates(group: str, artifact: str) -> str:
        return f"<groupId>{escape(group)}</groupId><artifactId>{escape(artifact)}</artifactId>"

    exclusions = "".join(
        f"<exclusion>{coordinates(*excluded)}</exclusion>" for excluded in _EXCLUDED
    )
    dependencies = "\n".join(
        f"<dependency>{coordinates(group, artifact)}<version>{version}</version>"
        f"<exclusions>{exclusions}</exclusions></dependency>"
        for group, artifact, version in _ARTIFACTS
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion>"
        f"{coordinates('flume.python.tests', 'java-flume')}<version>1</version>"
        f"<packaging>pom</packaging>\n<dependencies>\n{dependencies}\n</dependencies></project>\n"
    )


def _started_lines(properties: str, name: str) -> list[str]:
    """What the log says at the end of the start: sources come last; grouped sinks have other names."""
    for kind, says in (("sources", "Source"), ("sinks", "Sink")):
        listed = re.search(
            rf"^\s*{re.escape(name)}\.{kind}\s*[=:]\s*(.+)$", properties, re.MULTILINE
        )
        if listed:
            return [f"Starting {says} {each}" for each in listed.group(1).split()]
    return []
