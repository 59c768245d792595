"""The command ``flume-ng``: the launcher of Apache Flume, command for command."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping

from flume_core._cli.failures import OK, USAGE, UsageFailure

__all__ = ["run_launcher"]

_HELP = """\
usage: flume-ng COMMAND [options]

commands:
  help          show this
  agent         run an agent; flume-ng agent --help lists its options
  node          the old name of agent
  version       show the version
  avro-client   not available yet
  tool          not available yet

examples:
  flume-ng agent -n a1 -c conf -f conf/flume.conf
  flume-ng agent -n a1 -c conf -f conf/flume.conf -Dlogs=/var/log/app

The same agent, checked more strictly and with more to ask it: flume help
"""
_RESOLVER = "EnvVarResolverProperties"


def run_launcher(argv: list[str]) -> int:
    """Run ``flume-ng`` with these arguments; return the exit code."""
    command, rest = (argv[0], argv[1:]) if argv else ("", [])
    if command in ("help", "--help", "-h"):
        print(_HELP, end="")
        return OK
    if command in ("agent", "node"):
        return _agent(rest, command)
    if command == "version":
        from flume_core._cli.version import launcher_version

        print(launcher_version())
        return OK
    if command == "avro-client":
        raise UsageFailure("avro-client is not available yet: it needs flume-avro")
    if command == "tool":
        raise UsageFailure("tool is not available yet: it needs flume-filechannel")
    print(_HELP, end="", file=sys.stderr)
    said = f"{command!r} is no command" if command else "no command is given"
    print(f"flume-ng: {said}; begin with flume-ng agent", file=sys.stderr)
    return USAGE


def _agent(argv: list[str], command: str) -> int:
    from flume_core._cli.agent_options import AgentArguments, parse_agent
    from flume_core._cli.environment import LauncherEnvironment, read_environment
    from flume_core._cli.logs import LogOptions, root_level
    from flume_core._cli.run import RunOptions, run_agent
    from flume_core._cli.system_properties import defined, standard
    from flume_core.config.findings import Mode

    given: AgentArguments = parse_agent(argv)
    options = given.options
    found: LauncherEnvironment = read_environment(options.conf, os.environ)
    system = defined([*found.definitions, *given.definitions])
    notices = [*given.notices, *found.notices]
    if command == "node":
        notices.append("node is the old name of this command: write flume-ng agent")
    if not options.no_reload_conf:
        notices.append("a changed configuration file is not read again yet: restart the agent")
    if options.dryrun:
        print(_dry_run(command, argv, found.environ, found.definitions))
        return OK
    level, problem = root_level(system.get("flume.root.logger"))
    notices += [problem] if problem else []
    notices += _properties_without_effect(system)
    # Config filters, and the programs that they start, look at the environment of the process.
    os.environ.update(found.environ)
    return run_agent(
        RunOptions(
            files=given.files,
            name=options.name,
            mode=Mode.LENIENT if options.lenient else Mode.COMPATIBLE,
            strict=options.strict,
            environ=found.environ,
            system=standard() | system,
            env_var_resolver=system.get("propertiesImplementation", "").endswith(_RESOLVER),
            drain_timeout=options.drain_timeout,
            logs=LogOptions(options.verbose, options.quiet, options.log_format, level),
            notices=tuple(notices),
        )
    )


def _properties_without_effect(system: Mapping[str, str]) -> list[str]:
    notices: list[str] = []
    if any(name.startswith("flume.monitoring.") for name in system):
        notices.append("flume.monitoring.*: monitoring is not available yet")
    implementation = system.get("propertiesImplementation", "")
    if implementation and not implementation.endswith(_RESOLVER):
        notices.append(
            f"propertiesImplementation={implementation} has no effect: it is a Java class"
        )
    if "lookups" in system:
        notices.append("lookups has no effect: ${env:}, ${sys:}, ${java:} and ${date:} are there")
    return notices


def _dry_run(
    command: str, argv: list[str], environ: Mapping[str, str], definitions: tuple[str, ...]
) -> str:
    """Return a shell command that starts the same agent without ``--dryrun``."""
    added = {k: v for k, v in environ.items() if os.environ.get(k) != v}
    words = [f"{name}={shlex.quote(value)}" for name, value in sorted(added.items())]
    rest = [word for word in argv if word not in ("-d", "--dryrun")]
    java = [f"-D{definition}" for definition in definitions]
    return " ".join([*words, *map(shlex.quote, ["flume-ng", command, *java, *rest])])
