"""A virtual student: types sentences over Streamlit's own websocket protocol, and records the answers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

FIELD = "Sentence"
WEIGHTS_COMPONENT = "attnviz_frame"
WEIGHT = "weight "  # a line that begins so has the one weight that a skeleton page writes
PROTOCOL = Subprotocol("streamlit")
MAX_MESSAGE = 64 * 2**20  # bytes of one message


@dataclass
class Answer:
    """The result of one run of the page: its seconds, the hashes of its weights, its error messages and its bytes."""

    seconds: float
    weights: tuple[str, ...]
    alerts: tuple[str, ...]
    nbytes: int


@dataclass
class Student:
    """One open page. `query` is the query string of its address, updated as in a browser; `field_id` the id of the text field,
    read from the page; `cached` the messages that the server may refer to."""

    socket: ClientConnection
    query: str
    field_id: str = ""
    cached: dict[str, ForwardMsg] = field(default_factory=dict)

    async def ask(self, text: str | None = None) -> Answer:
        """Submit a text (None: open the page), and return the answer when the page has run."""
        message = BackMsg()
        message.rerun_script.query_string = self.query
        if text is not None:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.string_value = self.field_id, text
        start = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        return await self._answer(start)

    async def _answer(self, start: float) -> Answer:
        """Read all messages of one run."""
        weights, alerts, nbytes = [], [], 0
        while True:
            data = await self.socket.recv()
            assert isinstance(data, bytes)
            nbytes += len(data)
            message = self._resolve(data)
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                element = message.delta.new_element
                kind_of_element = element.WhichOneof("type")
                if kind_of_element == "text_input" and element.text_input.label == FIELD:
                    self.field_id = element.text_input.id
                elif kind_of_element == "alert":
                    alerts.append(element.alert.body)
                elif kind_of_element == "exception":
                    alerts.append(f"exception: {element.exception.type}")
                elif kind_of_element == "text" and element.text.body.startswith(WEIGHT):
                    weights.append(element.text.body)
                elif kind_of_element == "bidi_component" and element.bidi_component.component_name == WEIGHTS_COMPONENT:
                    weights.append(hashlib.sha256(element.bidi_component.bytes).hexdigest()[:16])
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return Answer(time.perf_counter() - start, tuple(weights), tuple(alerts), nbytes)

    def _resolve(self, data: bytes) -> ForwardMsg:
        """Return a message, also where the server only refers to one that it sent before."""
        message = ForwardMsg.FromString(data)
        if message.WhichOneof("type") == "ref_hash":
            return self.cached[message.ref_hash]
        if message.metadata.cacheable:
            self.cached[message.hash] = message
        return message


@asynccontextmanager
async def open_page(front: str, query: str) -> AsyncIterator[Student]:
    """Open a page at a front end `http://host:port`, and give it after its first run."""
    stream = f"ws{front.removeprefix('http').rstrip('/')}/_stcore/stream"
    async with connect(stream, subprotocols=[PROTOCOL], max_size=MAX_MESSAGE, open_timeout=60, ping_timeout=None) as socket:
        student = Student(socket, query)
        await student.ask()
        yield student
