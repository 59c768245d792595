"""The README's sink, configuration and project file, taken from the page and used as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.docs.pages import README, blocks, flume

URL = "http://127.0.0.1:8080/events"


class Peer(ThreadingHTTPServer):
    """A web server that keeps what is posted to it, and may refuse the first posts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.refusals = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/events"


class _Handler(BaseHTTPRequestHandler):
    server: Peer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusals:
            self.server.refusals -= 1
            self.send_error(503)
            return
        self.server.bodies.append(body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the README's module and project file."""
    (code,) = blocks(README, "python")
    (toml,) = blocks(README, "toml")
    folder = tmp_path / "flume-webhook"
    folder.mkdir()
    (folder / "flume_webhook.py").write_text(code.text)
    (folder / "pyproject.toml").write_text(toml.text)
    return folder


def configuration(folder: Path, peer: Peer, type_: str) -> Path:
    (block,) = (b for b in blocks(README, "properties") if "flume_webhook:Webhook" in b.text)
    assert URL in block.text
    text = block.text.replace(URL, peer.url).replace("flume_webhook:Webhook", type_)
    file = folder / "webhook.conf"
    file.write_text(text)
    return file


def run_with(path: Path, file: Path) -> None:
    done = flume("run", file, "--until-idle", environ={**os.environ, "PYTHONPATH": str(path)})
    assert done.returncode == 0, done.stderr


def test_it_is_at_most_fifteen_lines() -> None:
    (code,) = blocks(README, "python")

    assert len([line for line in code.text.splitlines() if line.strip()]) <= 15


def test_it_delivers_when_its_import_path_is_the_type(
    project: Path, peer: Peer, tmp_path: Path
) -> None:
    run_with(project, configuration(tmp_path, peer, "flume_webhook:Webhook"))

    assert peer.bodies == [b"0", b"1", b"2"]


def test_what_the_peer_refused_is_tried_again(project: Path, peer: Peer, tmp_path: Path) -> None:
    peer.refusals = 1

    run_with(project, configuration(tmp_path, peer, "flume_webhook:Webhook"))

    assert peer.bodies == [b"0", b"1", b"2"]


def test_it_is_found_by_its_name_once_it_is_built_and_installed(
    project: Path, peer: Peer, tmp_path: Path
) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    done = subprocess.run(
        [*build, str(tmp_path / "dist"), str(project)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(
        wheel
    ) as archive:  # which is all that pip does with a wheel of pure Python
        archive.extractall(site)

    run_with(site, configuration(tmp_path, peer, "webhook"))

    assert peer.bodies == [b"0", b"1", b"2"]
