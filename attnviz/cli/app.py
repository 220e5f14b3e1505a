"""`attnviz app`: serve the pages to browsers on this machine or in its network."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from attnviz import resources
from attnviz.cli import io
from attnviz.errors import BadInputError, UnavailableError

HOST, PORT = "127.0.0.1", 8501
EVERYWHERE = "0.0.0.0"  # Streamlit's own default, which then includes the addresses of IPv6
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")  # on Linux, a browser without one of these opens inside the terminal


def add(commands: Any) -> None:
    """Add the command and its options."""
    app = commands.add_parser("app", help="serve the pages to browsers")
    app.add_argument(
        "--host", default=HOST, metavar="H",
        help=f"address to listen on (default: {HOST}, only this machine; {EVERYWHERE}: every address of this machine)",
    )  # fmt: skip
    app.add_argument("--port", type=int, default=PORT, metavar="N", help=f"default: {PORT}")
    app.add_argument("--no-browser", action="store_true", help="do not open a browser")
    app.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Serve until stopped. This process becomes the server; a second one warms it up and opens the browser."""
    from attnviz.settings import Settings

    Settings.from_env()  # a wrong setting ends the command instead of every page
    if not 1 <= chosen.port <= 65535:
        raise BadInputError(f"--port is a whole number from 1 to 65535; got {chosen.port}. Correct it.")
    if find_spec("streamlit") is None:
        raise UnavailableError("The pages need Streamlit, which is not installed here. Install attnviz with its requirements.")
    _check_free(chosen.host, chosen.port)
    local = "localhost" if chosen.host in (HOST, EVERYWHERE) else chosen.host
    url = f"http://{f'[{local}]' if ':' in local else local}:{chosen.port}"
    io.note(f"{url} (Ctrl+C stops it)")
    server = [sys.executable, "-m", "streamlit", "run", str(resources.app_folder() / "app.py")]
    server += ["--server.port", str(chosen.port)]
    if chosen.host != EVERYWHERE:
        server += ["--server.address", chosen.host]
    visitor = [sys.executable, "-m", "attnviz.ui.warm_up", url.replace("localhost", HOST)]
    if not chosen.no_browser and _has_display():
        visitor += ["--open", url]
    # Let all threads reuse freed memory: with many users, tens of megabytes less.
    environment = {"MALLOC_ARENA_MAX": "2", **os.environ}
    subprocess.Popen(visitor, env=environment)
    if os.name == "nt":  # Windows' exec would detach the terminal
        sys.exit(subprocess.call(server, env=environment))
    os.execve(sys.executable, server, environment)


def _check_free(host: str, port: int) -> None:
    """Raise BadInputError if a server cannot listen at this address."""
    try:
        found = socket.getaddrinfo(None if host == EVERYWHERE else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # as servers do: a port with closing connections is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "no such address"
        raise BadInputError(
            f"The pages cannot be served at {host}, port {port} ({reason}). Choose another with --port or --host."
        ) from error


def _has_display() -> bool:
    """Return whether a browser opened from here gets a window."""
    return not sys.platform.startswith("linux") or any(map(os.environ.get, DISPLAYS))
