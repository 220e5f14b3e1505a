"""Users without a browser, on a real server whose log and outgoing connections are recorded."""

from __future__ import annotations

import inspect
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.conftest import leaves_this_machine

ROOT = Path(__file__).parents[2]
START = 60  # seconds for a server to start on a busy machine
# Python runs this first in the server's process and in all processes that it starts.
NO_NETWORK = f"""
import ipaddress, os, sys, threading, time

{inspect.getsource(leaves_this_machine)}

def kept(event, args):
    host = args[0] if event == "socket.getaddrinfo" else None
    if event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host = args[1][0]
    if host is not None and leaves_this_machine(host):
        with open(os.environ["CALLS"], "a") as file:
            file.write(f"{{event}} {{host}}\\n")
        raise ConnectionRefusedError(host)

sys.addaudithook(kept)

def counted():
    file = os.open(os.environ["SESSIONS"], os.O_WRONLY)
    while True:
        time.sleep(0.1)
        runtime = sys.modules.get("streamlit.runtime")
        try:
            os.pwrite(file, b"%6d" % runtime.get_instance()._session_mgr.num_active_sessions(), 0)
        except (AttributeError, RuntimeError):  # the runtime is not complete yet
            pass

threading.Thread(target=counted, daemon=True).start()
"""


@dataclass
class Server:
    """A running app: its port, and the files of its log, its outgoing connections and its number of sessions."""

    port: int
    log: Path
    called: Path
    counted: Path

    def calls(self) -> list[str]:
        """Return every attempt to reach another machine."""
        return self.called.read_text().splitlines()

    def sessions(self) -> int:
        """Return the number of open sessions of Streamlit a moment ago."""
        return int(self.counted.read_text() or 0)


@contextmanager
def running_app(script: Path, folder: Path, **settings: str) -> Iterator[Server]:
    """Run a server of one script without network access, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = Server(probe.getsockname()[1], folder / "log.txt", folder / "calls.txt", folder / "sessions.txt")
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    found.called.touch()
    found.counted.touch()
    places = os.pathsep.join([str(folder), str(ROOT)])
    kept = {"CALLS": str(found.called), "SESSIONS": str(found.counted)}
    env = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONPATH": places, **kept, **settings}
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(found.port)]
    with found.log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--server.address", "127.0.0.1"], cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(START * 10):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{found.port}/_stcore/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, found.log.read_text()
                time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(20)


@dataclass
class Visitor:
    """One open page: its address, and all bytes that the server sent."""

    socket: ClientConnection
    page: str
    query: str
    field: str = ""
    seen: bytes = b""

    async def run(self, text: str | None = None) -> str:
        """Run the page, with another text in its field or unchanged, and return its messages and errors."""
        message = BackMsg()
        message.rerun_script.query_string, message.rerun_script.page_name = self.query, self.page
        if text is not None:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.string_value = self.field, text
        await self.socket.send(message.SerializeToString())
        messages = []
        while True:
            data = await self.socket.recv()
            assert isinstance(data, bytes)
            self.seen += data
            found = ForwardMsg.FromString(data)
            kind = found.WhichOneof("type")
            if kind == "delta" and found.delta.WhichOneof("type") == "new_element":
                element = found.delta.new_element
                if element.WhichOneof("type") == "text_input" and element.text_input.label == "Sentence":
                    self.field = element.text_input.id
                elif element.WhichOneof("type") == "alert":
                    messages.append(element.alert.body)
                elif element.WhichOneof("type") == "exception":
                    messages.append(f"exception {element.exception.type}")
            elif kind == "page_info_changed":
                self.query = found.page_info_changed.query_string
            elif kind == "script_finished" and found.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return "\n".join(messages)


@asynccontextmanager
async def open_page(
    server: Server, page: str = "", query: str = "", origin: str | None = None, port: int | None = None, cookie: str = ""
) -> AsyncIterator[Visitor]:
    """Connect a new user, to the server itself or to the `port` of a proxy."""
    address = f"ws://127.0.0.1:{port or server.port}/_stcore/stream"
    subprotocols, max_size = [Subprotocol("streamlit")], 64 * 2**20
    origin_header = Origin(origin) if origin else None
    headers = {"Cookie": cookie} if cookie else {}
    async with connect(
        address,
        subprotocols=subprotocols,
        max_size=max_size,
        origin=origin_header,
        ping_timeout=None,
        additional_headers=headers,
    ) as found:
        yield Visitor(found, page, query)
