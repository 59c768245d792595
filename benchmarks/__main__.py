"""The command line of the benchmarks: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.debian import FetchFailed, fetch_peers
from benchmarks.input import make_input, parse_size
from benchmarks.peers import PEER_NAMES, peer_pipelines
from benchmarks.pipelines import (
    APPENDERS,
    OUR_NAMES,
    Missing,
    Pipeline,
    appenders,
    copy_loop,
    our_pipelines,
)
from benchmarks.report import (
    Document,
    end_to_end_document,
    end_to_end_tables,
    machine,
    machine_line,
)
from benchmarks.rounds import Results, run_rounds, say

RESULTS = Path(__file__).resolve().parent.parent / "bench-results"
GROUPS = {
    "limit": ("copy",),
    "appenders": tuple(APPENDERS),
    "ours": OUR_NAMES,
    "durable": ("file-1000", "file-1mib"),
    "peers": tuple(name for name in PEER_NAMES if name != "java-file-1000"),
    "java-file": ("java-file-1000",),
    "java": ("java-1000", "java-100"),
}
EPILOG = """\
names for --only: copy {names}, and the groups limit, ours, durable, appenders, java, peers;
java-file (25 times slower than the rest: give it --size 128MiB) is in none of them

examples:
  python -m benchmarks --quick                         # a small one, for checking that all is right
  python -m benchmarks e2e --only ours,limit --rounds 5
  python -m benchmarks fetch-peers                     # Debian: unpack rsyslog and syslog-ng, install nothing

exit code: 0; 1 if an output of ours or of the copy loop was wrong or incomplete; 2 for wrong usage.
It never depends on how fast anything was.
"""


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    if options.command == "fetch-peers":
        return _fetch(options.peers)
    if options.quick:
        options.size, options.rounds = min(options.size, 8 << 20), 1
    document: Document = {"format": 1, "machine": machine(), "command": list(arguments)}
    parts, wrong = [machine_line()], False
    if options.command in ("all", "e2e"):
        results = _end_to_end(options)
        document["end_to_end"] = end_to_end_document(results)
        parts.append(end_to_end_tables(results))
        wrong = any(failure.counts for failure in results.failures) or not results.runs
        wrong |= any(each.name in OUR_NAMES for each in results.missing)
    if options.command in ("all", "micro"):
        # It needs flume_core; comparing the peers among themselves does not.
        from benchmarks.micro import micro_document, micro_tables, run_micro

        say("micro-benchmarks of the core")
        figures = run_micro(0.2 if options.quick else 2.0)
        document["micro"] = micro_document(figures)
        parts.append(micro_tables(figures))
    _write(options.results, json.dumps(document, indent=1) + "\n")
    text = "\n\n".join(parts) + "\n"
    if options.markdown:
        _write(options.markdown, text)
    print(text)
    if wrong:
        say("FAILED: see above for what is wrong")
    return int(wrong)


def _end_to_end(options: argparse.Namespace) -> Results:
    wanted = options.only
    found: list[Pipeline | Missing] = [copy_loop(), *our_pipelines(options.flume_ng), *appenders()]
    found = [each for each in found if each.name in wanted]
    found += peer_pipelines(wanted, options.peers)
    with ExitStack() as stack:
        work = options.work
        if work is None:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flume-bench-")))
        work = work.resolve()
        work.mkdir(parents=True, exist_ok=True)
        free, needed = shutil.disk_usage(work).free, int(options.size * 2.2)
        if free < needed:
            raise SystemExit(
                f"{work} has room for {free >> 20} MiB and {needed >> 20} MiB are needed: "
                "give another --work or a smaller --size"
            )
        say(f"making the input in {work}")
        data = make_input(work, options.size)
        return run_rounds(found, data, work, options.rounds, options.timeout)


def _fetch(directory: Path) -> int:
    try:
        for path in fetch_peers(directory):
            print(path)
    except FetchFailed as failed:
        say(str(failed))
        return 1
    return 0


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    say(f"wrote {path}")


def _names(text: str) -> set[str]:
    known = {name: (name,) for group in GROUPS.values() for name in group} | GROUPS
    names = [word.strip() for word in text.split(",") if word.strip()]
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(
            f"{', '.join(unknown)}: not a pipeline; there are {', '.join(known)}"
        )
    return {each for name in names for each in known[name]}


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from wrong


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=sys.modules["benchmarks"].__doc__,
        epilog=EPILOG.format(names=" ".join((*OUR_NAMES, *APPENDERS, *PEER_NAMES))),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "command",
        nargs="?",
        default="all",
        choices=["all", "e2e", "micro", "fetch-peers"],
        help="what to do; all (the default) is e2e and micro",
    )
    add(
        "--quick", action="store_true", help="at most 8 MiB, one round: checks rather than measures"
    )
    add("--size", type=_size, default="1GiB", help="of the input (default: %(default)s)")
    add("--rounds", type=int, default=3, help="each runs everything once (default: %(default)s)")
    add(
        "--only",
        type=_names,
        default="limit,ours,appenders,peers",
        help="names or groups, by commas",
    )
    add("--work", type=Path, help="directory for input and output; the input in it is used again")
    add(
        "--timeout",
        type=float,
        default=300.0,
        help="seconds a pipeline may take (default: %(default)s)",
    )
    add("--flume-ng", help="the command to measure (default: the one beside this Python)")
    add("--peers", type=Path, default=RESULTS / "peers", help="where fetch-peers unpacks")
    add("--results", type=Path, default=RESULTS / "latest.json", help="default: %(default)s")
    add("--markdown", type=Path, help="also write the tables to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
