"""Everything a clone needs, in one command: ``python3 dev.py demo|test|bench|setup|clean``.

Needs Python 3.11 and nothing else: it makes its own virtual environment in ``.venv`` and installs
into it from the package index that pip is set up for. A stamp file there records what is complete:
a repeated run starts at once, a changed dependency is installed, an interrupted set-up is redone.
"""

# Nothing before the check below may need more than Python 3.6, nor may the syntax of the whole file
# (so no `from __future__` either): an old Python must get as far as the message that turns it away.
import sys

if sys.version_info < (3, 11):
    sys.exit(
        "dev.py: needs Python 3.11 or newer, and this is Python {}.{}.\n"
        "Run it with a newer one, for instance: python3.11 dev.py demo".format(*sys.version_info)
    )

import argparse
import contextlib
import hashlib
import importlib.util
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent
CONSTRAINTS = Path("constraints", "dev.txt")
# Settings that would send Python or pip somewhere other than our environment.
MISLEADING = {
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_TARGET",
    "PIP_USER",
}
TOOLS = (
    "coverage",
    "hypothesis",
    "import_linter_cache",
    "mypy_cache",
    "nox",
    "pytest_cache",
    "ruff_cache",
)

Stamp = dict[str, str]


class Failure(Exception):
    """What went wrong and what to do about it; printed last, and the command exits with ``code``."""

    def __init__(self, reason: str, code: int = 1) -> None:
        super().__init__(reason)
        self.code = code


def say(text: str) -> None:
    print(f"dev.py: {text}", flush=True)


def digest(*parts: bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()


@contextlib.contextmanager
def child(
    command: list[str], extra: dict[str, str], lock: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A child process in the clone's root that does not outlive the block.

    One that gets the ``lock`` is part of a set-up: its output is captured.
    """
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=kept | extra,
        stdout=None if lock is None else subprocess.PIPE,
        stderr=None if lock is None else subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=(lock,) if lock is not None and os.name == "posix" else (),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        finish(process)


def finish(process: subprocess.Popen[str]) -> int:
    """Wait for a child, through Ctrl-C too: the child got that as well and has last words to say."""
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue
        return code if code >= 0 else 128 - code


def run(command: list[str], extra: dict[str, str] | None = None) -> int:
    with child(command, extra or {}) as process:
        return finish(process)


class Environment:
    """The virtual environment of a clone, and what its stamp says is complete in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / ".venv"
        self.stamp_file = self.path / "flume-dev.json"
        self.programs = self.path / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.programs / ("python.exe" if os.name == "nt" else "python")

    def distributions(self) -> list[Path]:
        """The folders of our own packages, the core first."""
        plugins = sorted(self.root.glob("plugins/*/pyproject.toml"))
        return [self.root / "core", *(file.parent for file in plugins)]

    def dev_group(self) -> list[str]:
        with (self.root / "pyproject.toml").open("rb") as file:
            groups = tomllib.load(file)["dependency-groups"]

        def members(name: str) -> Iterator[str]:
            for entry in groups[name]:
                if isinstance(entry, str):
                    yield entry
                else:
                    yield from members(entry["include-group"])

        return list(members("dev"))

    def wanted(self) -> Stamp:
        """The stamp of a complete environment, for this Python, this place and these sources."""
        venv = digest(sys.version.encode(), sys.base_prefix.encode(), os.fsencode(self.root))
        files = [Path(__file__), self.root / CONSTRAINTS]
        files += [folder / "pyproject.toml" for folder in self.distributions()]
        content = (part for file in files for part in (os.fsencode(file), file.read_bytes()))
        packages = digest(venv.encode(), *content)
        dev = digest(packages.encode(), *map(str.encode, self.dev_group()))
        return {"venv": venv, "run": packages, "dev": dev}

    def stamp(self) -> Stamp:
        try:
            return dict(json.loads(self.stamp_file.read_bytes()))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}

    def write_stamp(self, stamp: Stamp) -> None:
        fresh = self.stamp_file.with_suffix(".new")
        fresh.write_text(json.dumps(stamp), encoding="ascii")
        fresh.replace(self.stamp_file)

    def missing(self, stamp: Stamp, *, dev: bool) -> str:
        """Say ``"nothing"``, ``"packages"`` or, after an interruption, ``"everything"``."""
        wanted = self.wanted()
        broken = "unfinished" in stamp or not self.python.exists()
        if broken or stamp.get("venv") != wanted["venv"]:
            return "everything"
        kind = "dev" if dev else "run"
        return "nothing" if stamp.get(kind) == wanted[kind] else "packages"

    def ensure(self, *, dev: bool) -> None:
        """Complete the environment: our packages, with ``dev`` also what tests and checks need."""
        with self.lock() as lock:
            missing = self.missing(self.stamp(), dev=dev)
            if missing == "everything":
                self.create(lock)
            if missing != "nothing":
                self.install(lock, dev=dev)

    @contextlib.contextmanager
    def lock(self) -> Iterator[int]:
        """One set-up at a time; a child that outlives a killed dev.py still holds the lock."""
        with (self.root / ".venv.lock").open("a") as file:
            try:
                import fcntl
            except ImportError:
                say("no file locks on this system: do not run dev.py twice at the same time")
            else:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    say("another set-up of this clone is under way; waiting for it")
                    fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()

    def create(self, lock: int) -> None:
        if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise Failure(
                f"this Python ({sys.executable}) cannot make virtual environments: its module venv "
                f"or ensurepip is missing.\nOn Debian and Ubuntu: sudo apt install "
                f"python{version}-venv; elsewhere use a complete Python. Then run this again."
            )
        self.remove()
        say(f"making a virtual environment in {self.path}")
        self.path.mkdir()
        self.write_stamp({"unfinished": "creation"})
        # When dev.py runs under the very environment that it replaces, the Python below makes it.
        maker = str(getattr(sys, "_base_executable", None) or sys.executable)
        with child([maker, "-m", "venv", str(self.path)], {}, lock) as process:
            output, _ = process.communicate()
        if process.returncode:
            raise Failure(f"making the virtual environment failed:\n{output.strip()}")
        self.write_stamp({"venv": self.wanted()["venv"]})

    def remove(self) -> None:
        """Delete the environment, but only one that this script made."""
        if not os.path.lexists(self.path):
            return
        if self.path.is_symlink() or not self.path.is_dir():
            raise Failure(f"{self.path} is not a directory; move it away, then run this again.")
        entries = list(self.path.iterdir())
        if entries and not self.stamp_file.exists():
            raise Failure(f"dev.py did not make {self.path}; move it away, then run this again.")
        # The stamp goes last: whatever is left by an interruption is known to be ours.
        for entry in sorted(entries, key=self.stamp_file.__eq__):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.path.rmdir()

    def install(self, lock: int, *, dev: bool) -> None:
        core, *plugins = map(str, self.distributions())
        ours = [f"{core}[testing]" if dev else core, *plugins]
        needs = self.dev_group() if dev else []
        say(f"installing {len(ours)} of our packages and what they need" + " to be tested" * dev)
        wanted = self.wanted()
        stamp = {"venv": wanted["venv"]}
        # A pip that was killed leaves packages that look installed and are not, so an installation
        # that did not finish is not continued: the next run begins with a new environment.
        self.write_stamp(stamp | {"unfinished": "installation"})
        constraints = self.root / CONSTRAINTS
        options = "-m pip install --disable-pip-version-check --no-input --progress-bar off"
        command = [str(self.python), *options.split(), "-c", str(constraints)]
        command += [argument for package in ours for argument in ("-e", package)]
        self.run_pip(command + needs, lock, constraints.as_uri())
        stamp["run"] = wanted["run"]
        self.write_stamp(stamp | {"dev": wanted["dev"]} if dev else stamp)

    def run_pip(self, command: list[str], lock: int, constraints: str) -> None:
        began = time.monotonic()
        shown = re.compile(r"\s*(Collecting|Obtaining|Building|Installing|WARNING|ERROR|error)\b")
        reasons: list[str] = []
        # Variables, because they reach the build back end as well; a URI, because pip splits them
        # at blanks.
        pins = {"PIP_CONSTRAINT": constraints, "PIP_BUILD_CONSTRAINT": constraints}
        with child(command, pins, lock) as pip:
            for line in pip.stdout or ():
                if shown.match(line):
                    print(f"  {line.rstrip()}", flush=True)
                if line.lower().lstrip().startswith("error:"):
                    reasons.append(line.strip())
            code = finish(pip)
        if code:
            reasons = reasons or [f"pip ended with exit code {code}."]
            cure = "Is the package index reachable (pip config list, proxy)? Then run this again."
            raise Failure("\n".join(["installing failed.", *reasons, cure]))
        say(f"installed in {time.monotonic() - began:.0f} s")


def log_line(number: int, chance: random.Random, began: datetime) -> str:
    moment = (began + timedelta(milliseconds=37 * number)).isoformat(timespec="milliseconds")
    request = chance.choice(("GET /cart", "GET /item", "POST /order", "GET /search?q=lamp"))
    level, status = chance.choice((("INFO", 200), ("INFO", 304), ("WARN", 404), ("ERROR", 503)))
    return (
        f"{moment} web-{chance.randrange(1, 9)} {level} request={number:07d} "
        f"client=10.0.{chance.randrange(256)}.{chance.randrange(256)} {request} status={status} "
        f"bytes={chance.randrange(200, 90_000)} ms={chance.randrange(1, 900)}\n"
    )


def write_log(path: Path, numbers: range) -> None:
    chance = random.Random(numbers.start)
    began = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
    with path.open("a", encoding="ascii") as file:
        file.writelines(log_line(number, chance, began) for number in numbers)


def rolled_files(directory: Path) -> list[Path]:
    """The sink's files, oldest first: a name holds the time of the start and a running number."""
    files = [file for file in directory.iterdir() if file.stat().st_size]
    return sorted(files, key=lambda file: [int(digits) for digits in re.findall(r"\d+", file.name)])


def compare(log: Path, rolled: list[Path]) -> int:
    """Count the lines of ``log``; fail unless the files hold them all, once, whole and in order."""
    count = 0
    with contextlib.ExitStack() as files:
        expected = files.enter_context(log.open("rb"))
        written = [files.enter_context(file.open("rb")) for file in rolled]
        pairs = itertools.zip_longest(expected, itertools.chain.from_iterable(written))
        for count, (was, now) in enumerate(pairs, 1):
            if was != now:
                raise Failure(f"line {count} did not arrive as it was: {was!r} became {now!r}")
    return count


@contextlib.contextmanager
def demo_directory(keep: Path | None) -> Iterator[Path]:
    """An empty directory: one to keep, else a temporary one that stays only when the demo fails."""
    if keep is None:
        directory = Path(tempfile.mkdtemp(prefix="flume-demo-"))
        try:
            yield directory
        except Failure as failure:
            left = f"everything is still in {directory}"
            raise Failure(f"{left}\n{failure}", failure.code) from failure
        except BaseException:
            shutil.rmtree(directory)
            raise
        shutil.rmtree(directory)
        return
    keep.mkdir(parents=True, exist_ok=True)
    marker = keep / ".flume-demo"
    if any(keep.iterdir()) and not marker.exists():
        raise Failure(f"{keep} is not empty and no demo made it; name another directory.", 2)
    marker.touch()
    for name in ("channel", "logs", "rolled"):
        shutil.rmtree(keep / name, ignore_errors=True)
    for file in keep.glob("taildir_position.json*"):
        file.unlink()
    yield keep.resolve()


def demo(environment: Environment, lines: int, keep: Path | None) -> int:
    environment.ensure(dev=False)
    flume = environment.programs / "flume"
    configuration = Path("examples", "demo", "flume.conf")
    with demo_directory(keep) as directory:
        log, rolled = directory / "logs" / "app.log", directory / "rolled"
        log.parent.mkdir()
        rolled.mkdir()
        first = lines - lines // 5
        for numbers, what in ((range(first), "a log of"), (range(first, lines), "the log grew by")):
            write_log(log, numbers)
            say(f"{what} {len(numbers):,} lines; flume run {configuration} --until-idle")
            agent = [str(flume), "run", str(configuration), "--until-idle"]
            code = run(agent, {"DEMO_DIR": str(directory)})
            if code:
                raise Failure(f"the agent ended with exit code {code}.", code)
        files = rolled_files(rolled)
        count = compare(log, files)
        print(
            f"\nThe agent moved {count:,} events ({log.stat().st_size / 1e6:.1f} MB) through a "
            f"file channel into {len(files)} rolled files.\n  from {log}"
        )
        for file in files:
            moved = file.read_bytes().count(b"\n")
            print(f"  to   {file}  ({moved:,} lines)")
        print(
            "Every line arrived once, whole and in order; "
            "the second run began where the first had ended.\n"
        )
        flume = flume.relative_to(environment.root)
        if keep:
            print(f"Again, until Ctrl-C:  DEMO_DIR={directory} {flume} run {configuration}")
        else:
            print("These files go now:   python3 dev.py demo --keep DIR keeps them")
        print(f"Your configuration:   {flume} check FILE, then {flume} run FILE")
        print(f"What is installed:    {flume} components")
        print("The tests:            python3 dev.py test")
    return 0


def test(environment: Environment, arguments: list[str]) -> int:
    environment.ensure(dev=True)
    # Like -n auto, but a large machine does not start more workers than there is work for.
    workers = max(1, min(4, os.cpu_count() or 1))
    options = f"-m pytest -q -rs -n {workers} --dist loadgroup"
    return run([str(environment.python), *options.split(), *arguments])


def bench(environment: Environment, arguments: list[str]) -> int:
    environment.ensure(dev=True)
    return run([str(environment.python), "-m", "benchmarks", *arguments])


def setup(environment: Environment) -> int:
    environment.ensure(dev=True)
    say(f"ready: {environment.path}")
    return 0


def clean(environment: Environment) -> int:
    with environment.lock():
        environment.remove()
        for path in (environment.root / f".{name}" for name in TOOLS):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    say("removed the environment and the tools' caches")
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="dev.py", description="Set up, try and check this project.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shown = commands.add_parser("demo", help="run an agent on a real log and check what it wrote")
    shown.add_argument("--keep", metavar="DIR", type=Path, help="work in DIR and leave it there")
    shown.add_argument("--lines", metavar="N", type=int, default=100_000, help="(%(default)s)")
    commands.add_parser("test", help="run the tests; further arguments go to pytest")
    commands.add_parser("bench", help="run the benchmark; further arguments go to it")
    commands.add_parser("setup", help="complete the environment and do nothing else")
    commands.add_parser("clean", help="remove the environment and the tools' caches")
    return top


def perform(environment: Environment, words: list[str]) -> int:
    # What follows test and bench is not ours to read; argparse would take some of it.
    if words[:1] == ["test"]:
        return test(environment, words[1:])
    if words[:1] == ["bench"]:
        return bench(environment, words[1:])
    arguments = parser().parse_args(words)
    if arguments.command == "demo":
        if arguments.lines < 5:
            raise Failure(f"--lines {arguments.lines} is too few: 5 or more.", 2)
        return demo(environment, arguments.lines, arguments.keep)
    return setup(environment) if arguments.command == "setup" else clean(environment)


def end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(words: list[str]) -> int:
    signal.signal(signal.SIGTERM, end)
    try:
        return perform(Environment(ROOT), words)
    except Failure as failure:
        print(f"dev.py: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        print("dev.py: interrupted; run it again to go on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
