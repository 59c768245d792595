"""Every check that CI runs, one session each; ``nox -l`` lists them, ``nox`` runs the default ones.

uv makes the environments where it is on the PATH, else virtualenv and pip do.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "layers", "tests", "packaging"]
# Which Pythons a machine has is its owner's choice; nox says which sessions it had to leave out.
nox.options.error_on_missing_interpreters = False

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PLUGINS = sorted(file.parent for file in ROOT.glob("plugins/*/pyproject.toml"))
EXAMPLES = sorted(file.parent for file in ROOT.glob("examples/flume-*/pyproject.toml"))
DISTRIBUTIONS = {folder.name: folder for folder in (ROOT / "core", *PLUGINS, *EXAMPLES)}
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")


def install(session: nox.Session, *what: str) -> None:
    session.install("-c", str(ROOT / "constraints" / "dev.txt"), *what)


def install_for_tests(session: nox.Session, group: str = "test") -> None:
    """The sources themselves, editable, and what the tests import."""
    plugins = [argument for folder in PLUGINS for argument in ("-e", str(folder))]
    needs = nox.project.dependency_groups(GROUPS, group)
    install(session, "-e", f"{ROOT / 'core'}[testing]", *plugins, *needs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and likely defects, and that the code is formatted."""
    install(session, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of everything but the tests, strictly."""
    install_for_tests(session, "dev")
    paths = [ROOT / "core" / "src", *(folder / "src" for folder in PLUGINS), ROOT / "benchmarks"]
    paths += [
        ROOT / "tests" / "typing_tests",
        *(ROOT / "examples").glob("*/src"),
        ROOT / "dev.py",
        ROOT / "noxfile.py",
    ]
    session.run("mypy", "--strict", *(str(path) for path in paths if path.exists()))


@nox.session
def layers(session: nox.Session) -> None:
    """Check who imports whom."""
    install(session, "import-linter", "-e", str(ROOT / "core"))
    session.run("lint-imports", "--no-logo")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on every Python that is here; arguments go to pytest."""
    install_for_tests(session)
    session.run("pytest", "-q", "-n", "2", "--dist", "loadgroup", *session.posargs)


@nox.session
def packaging(session: nox.Session) -> None:
    """Build every distribution, install each alone with the core, run its own tests there.

    Arguments name the folders to install (``core``, ``flume-avro``); none means all.
    """
    dist = Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    install(session, *nox.project.dependency_groups(GROUPS, "test"))
    for folder in DISTRIBUTIONS.values():
        session.run("python", "-m", "build", "-n", "-o", str(dist), str(folder), silent=True)
    session.run(
        *("python", "-m", "pytest", "-q", "tests/packaging/test_distributions.py"),
        env={"FLUME_DIST": str(dist)},
    )
    for name in session.posargs or DISTRIBUTIONS:
        install_alone(session, name, dist)


# What a package imports but does not declare fails here, before the tests bring anything along.
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if not name.startswith("flume_core.testing"):
        importlib.import_module(name)
print("imported", len(names), "modules from", package.__path__[0])
"""


def install_alone(session: nox.Session, name: str, dist: Path) -> None:
    """Install the wheel of one distribution beside the core's, and run its own tests with it."""
    alone = Path(session.create_tmp()) / "alone"
    shutil.rmtree(alone, ignore_errors=True)
    session.run("python", "-m", "venv", str(alone))
    python = str(alone / "bin" / "python")
    wheels = {folder: wheel_of(DISTRIBUTIONS[folder], dist) for folder in ("core", name)}
    pip = ("-m", "pip", "install", "-q", "--disable-pip-version-check")
    pins = ("-c", str(ROOT / "constraints" / "dev.txt"))
    session.run(python, *pip, *pins, *map(str, wheels.values()), external=True)
    package = wheels[name].name.partition("-")[0]
    session.run(python, "-c", IMPORT_EVERYTHING, package, external=True, silent=False)

    needs = nox.project.dependency_groups(GROUPS, "test")
    session.run(python, *pip, *pins, f"{wheels['core']}[testing]", *needs, external=True)
    own = ROOT / "tests" / "core" if name == "core" else DISTRIBUTIONS[name] / "tests"
    session.run(
        python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", str(own), external=True
    )


def wheel_of(folder: Path, dist: Path) -> Path:
    project = nox.project.load_toml(folder / "pyproject.toml")["project"]
    (wheel,) = dist.glob(f"{project['name'].replace('-', '_')}-*.whl")
    return wheel


@nox.session
def bench(session: nox.Session) -> None:
    """Measure; arguments go to the benchmark (``--quick`` for a small one)."""
    install(session, "-e", str(ROOT / "core"), *(f"{folder}" for folder in PLUGINS))
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def torture(session: nox.Session) -> None:
    """Kill, rotate, truncate and overload at full scale; takes long."""
    install_for_tests(session)
    session.run(
        *("pytest", "-q", "-m", "torture or crash", "-n", "2", "--dist", "loadgroup"),
        *session.posargs,
        env={"FLUME_TEST_SCALE": "full"},
    )
