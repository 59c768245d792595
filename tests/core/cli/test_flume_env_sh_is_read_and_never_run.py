from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core._cli.environment import read_environment
from flume_core._cli.failures import UsageFailure
from flume_core._cli.shell_variables import read_script

BASH = shutil.which("bash")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("export A=1", {"A": "1"}),
        ("A=1\nexport A", {"A": "1"}),
        ("export A=1 B=2", {"A": "1", "B": "2"}),
        ("export A=1; export B=2;", {"A": "1", "B": "2"}),
        ("export A='a b'  # why", {"A": "a b"}),
        ('export A="a \\"b\\" \\$C"', {"A": 'a "b" $C'}),
        ("export A=a\\ b", {"A": "a b"}),
        ("export A=\nexport B=x#y", {"A": "", "B": "x#y"}),
        ("B=2\nexport A=$B/x", {"A": "2/x"}),
        ('export A="${HOME}/conf"', {"A": "/home/me/conf"}),
        ("export A='${HOME}'", {"A": "${HOME}"}),
        ("export A=${NOWHERE:-some}x", {"A": "somex"}),
        ("export A=1\nexport A=$A$A", {"A": "11"}),
        ("export A=1 \\\n  B=2", {"A": "1", "B": "2"}),
        ("export A='1\n2'", {"A": "1\n2"}),
        ("#export A=1\n\n  # nothing\n", {}),
        ("A=1", {}),
        ("HOME=/else", {"HOME": "/else"}),
    ],
)
def test_what_is_exported_is_what_bash_would_export(script: str, expected: dict[str, str]) -> None:
    found = read_script(script, {"HOME": "/home/me"})

    assert found.ignored == []
    assert found.environment() == {"HOME": "/home/me"} | expected


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("A=$(date)", 1),
        ("A=`date`", 1),
        ('export A="$(date)"', 1),
        ("touch x", 1),
        (". other.sh\nsource other.sh", 2),
        ("if [ -d x ]; then\n  A=1\nelse\n  A=2\nfi", 5),
        ("for x in a b; do A=$x; done", 1),
        ("case $x in\n  a) A=1;;\nesac", 3),
        ("f() {\n  A=1\n}", 3),
        ("f () { A=1; }", 1),
        ("function f\n{\n  A=1\n}", 4),
        ("function f {\n  A=1\n}", 3),
        ("cat <<EOF\nA=1\nEOF", 3),
        ("cat << 'EOF' > x\nexport A=1\nEOF", 3),
        ("[ -d x ] && A=1", 1),
        ("A=1 command", 1),
        ("A=1 > file", 1),
        ("A=(1 2)", 1),
        ("A=${B%x}", 1),
        ("A=1 &", 1),
        ("export -f A", 1),
    ],
)
def test_what_needs_a_shell_has_no_effect_and_is_pointed_out(script: str, lines: int) -> None:
    found = read_script(f"export B=1\n{script}\nexport C=1", {})

    assert sorted(set(found.ignored)) == list(range(2, 2 + lines))
    assert found.environment() == {"B": "1", "C": "1"}


def test_a_quote_that_never_ends_takes_the_rest_with_it() -> None:
    found = read_script("export B=1\nexport A='never ended\nexport C=1", {})

    assert found.ignored == [2]
    assert found.environment() == {"B": "1"}


@pytest.mark.skipif(BASH is None, reason="needs bash to compare with")
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from("ABC"),
            st.lists(
                st.sampled_from(
                    ["x", "7", "/", "'a b'", '"c d"', "$A", '"${B}"', "${C:-e}", "\\ ", "'$A'",
                     '"\\$"', "=", "''", "#", "-", ":", "é", '"\\q"', "\\'"]
                ),
                max_size=4,
            ),
        ),
        max_size=5,
    )
)  # fmt: skip
def test_any_script_of_assignments_leaves_what_bash_leaves(
    commands: list[tuple[bool, str, list[str]]],
) -> None:
    script = "\n".join(
        f"{'export ' * exported}{name}={''.join(parts)}" for exported, name, parts in commands
    )
    assert BASH is not None
    dump = "\nfor n in A B C; do printf '%s\\0' \"$n=${!n}\"; done\n"
    result = subprocess.run(
        [BASH, "--norc", "-c", script + dump], env={}, capture_output=True, check=True
    )
    by_bash = dict(pair.split("=", 1) for pair in result.stdout.decode().split("\0")[:-1])

    found = read_script(script, {})

    assert found.ignored == []
    assert {name: found.values.get(name, "") for name in "ABC"} == by_bash


@given(st.text(alphabet=st.sampled_from("A=1 \n;'\"\\$(){}`&|<>#x")))
def test_no_script_makes_the_reader_fail_or_hang(script: str) -> None:
    read_script(script, {})


def test_java_options_of_the_script_define_properties(tmp_path: Path) -> None:
    (tmp_path / "flume-env.sh").write_text(
        'export JAVA_OPTS="$JAVA_OPTS -Xms100m -Xmx2g -Dlogs=/var/log -Dmode=a"\n'
        'FLUME_JAVA_OPTS="-Dmode=b"\n'
    )

    found = read_environment(str(tmp_path), {"JAVA_OPTS": "-Dfrom=environment"})

    assert found.definitions == ("logs=/var/log", "mode=a", "mode=b")
    assert any("-Xms100m -Xmx2g" in notice for notice in found.notices)


def test_a_java_class_path_in_the_script_is_said_to_be_without_effect(tmp_path: Path) -> None:
    (tmp_path / "flume-env.sh").write_text('FLUME_CLASSPATH="/opt/jars/*"\n')

    (notice,) = read_environment(str(tmp_path), {}).notices

    assert "FLUME_CLASSPATH" in notice


def test_lines_without_effect_are_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "flume-env.sh").write_text("ulimit -n 100\nexport A=1\nB=$(x)\nC=`y`\n")

    (notice,) = read_environment(str(tmp_path), {}).notices

    assert "lines 1, 3-4 are without effect" in notice


def test_log4j_files_are_ignored_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "log4j2.xml").write_text("<Configuration/>")
    (tmp_path / "log4j.properties").write_text("")

    (notice,) = read_environment(str(tmp_path), {}).notices

    assert "log4j.properties, log4j2.xml" in notice


def test_a_script_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "flume-env.sh").mkdir()

    with pytest.raises(UsageFailure, match=r"flume-env\.sh cannot be read"):
        read_environment(str(tmp_path), {})


def test_without_a_directory_only_the_environment_counts() -> None:
    found = read_environment(None, {"FLUME_JAVA_OPTS": "-Da=1", "JAVA_OPTS": "-Db=2", "X": "y"})

    assert found.definitions == ("a=1",)
    assert found.environ["X"] == "y"
