"""The middleware of the pages: refused and accepted requests, messages, and security headers."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.app_discovery import discover_asgi_app

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.figures import bertviz
from attnviz.figures.bertviz.csp_hash import digest
from attnviz.types import AttentionRequest, HeadRef, Token
from attnviz.web import index_page, middleware, security_headers

ROOT = Path(__file__).parents[2]
HERE = [(b"host", b"school.example:8501")]


async def page(scope: Any, receive: Any, send: Any) -> None:
    """An app that answers everything, with another value of one of our headers."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Referrer-Policy", b"unsafe-url")]})
    await send({"type": "http.response.body", "body": b"page"})


def respond(kind: str = "http", *, method: str = "GET", path: str = "/", query: bytes = b"", headers: Any = HERE) -> list[Any]:
    """Return all messages sent for one request."""
    sent: list[Any] = []
    scope = {"type": kind, "method": method, "path": path, "query_string": query, "headers": headers}

    async def receive() -> dict[str, str]:
        return {"type": f"{kind}.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(middleware.PageMiddleware(page)(scope, receive, send))
    return sent


def status(**request: Any) -> int:
    return respond(**request)[0]["status"]


def test_a_page_is_read_by_get_and_head_only():
    assert [status(method=method) for method in ("GET", "HEAD")] == [200, 200]
    assert {status(method=method) for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")} == {405}


def test_a_request_with_a_body_is_refused():
    assert status(headers=[*HERE, (b"Content-Length", b"0")]) == 200
    assert status(headers=[*HERE, (b"Content-Length", b"1")]) == 413
    assert status(headers=[*HERE, (b"transfer-encoding", b"chunked")]) == 413


def test_routes_of_streamlit_that_no_page_uses_are_hidden():
    hidden = ("/_stcore/metrics", "/_stcore/agent/openapi.json", "/_stcore/upload_file/a/b", "/under/_stcore/metrics")
    assert {status(path=path) for path in hidden} == {404}
    assert {status(path=path) for path in ("/_stcore/health", "/_stcore/host-config", "/media/a.json", "/heads")} == {200}


def test_the_number_of_open_pages_is_bounded():
    async def open_pages() -> list[str]:
        ends, kinds = asyncio.Event(), []

        async def page_until_end(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            await ends.wait()

        async def receive() -> dict[str, str]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            kinds.append(message["type"])

        guard, scope = middleware.PageMiddleware(page_until_end), {"type": "websocket", "headers": HERE}
        pages = [asyncio.create_task(guard(scope, receive, send)) for _ in range(middleware.MAX_OPEN_PAGES + 1)]
        await asyncio.sleep(0)
        ends.set()
        await asyncio.gather(*pages)
        await guard(scope, receive, send)
        return kinds

    kinds = asyncio.run(open_pages())
    assert kinds == ["websocket.accept"] * middleware.MAX_OPEN_PAGES + ["websocket.close", "websocket.accept"]


def test_the_length_of_an_address_is_bounded():
    assert status(query=b"a" * (middleware.MAX_URL_BYTES - 1)) == 200
    sent = respond(query=b"a" * middleware.MAX_URL_BYTES)
    assert sent[0]["status"] == 414
    assert b"16,384" in sent[1]["body"]
    assert b"16,385" in sent[1]["body"]


@pytest.mark.parametrize(
    ("origin", "opens"),
    [
        (None, True),
        (b"http://school.example:8501", True),
        (b"https://School.Example:8501", True),
        (b"http://school.example", False),
        (b"http://other.example", False),
        (b"http://localhost:8501", False),
        (b"null", False),
        (b"http://[school.example:8501", False),
        (b"", False),
    ],
)
def test_only_a_page_of_the_same_address_opens_a_websocket(origin: bytes | None, opens: bool):
    more = [] if origin is None else [(b"origin", origin)]
    (sent,) = respond("websocket", headers=[*HERE, *more])
    assert sent["type"] == ("websocket.accept" if opens else "websocket.close")


def test_a_websocket_with_an_origin_needs_a_host():
    (sent,) = respond("websocket", headers=[(b"origin", b"http://")])
    assert sent["type"] == "websocket.close"


def first_passed(*messages: dict[str, object], uploads: bool = False) -> object:
    """Return the first of some messages that reaches Streamlit."""
    coming = iter(messages)

    async def receive() -> Any:
        return next(coming)

    return asyncio.run(middleware.filter_messages(receive, uploads=uploads)())


def message_of(name: str) -> dict[str, object]:
    """Return a message of a browser."""
    message = BackMsg()
    if name == "rerun_script":
        message.rerun_script.query_string = "layer=3"
    else:
        setattr(message, name, True)
    return {"type": "websocket.receive", "bytes": message.SerializeToString()}


@pytest.mark.parametrize("name", ["clear_cache", "load_git_info", "set_run_on_save", "debug_shutdown_runtime"])
def test_messages_that_control_the_server_are_dropped(name: str):
    run, gone = message_of("rerun_script"), {"type": "websocket.disconnect", "code": 1001}
    assert first_passed(message_of(name), run) == run
    assert first_passed(message_of(name), gone) == gone


def test_messages_that_start_and_stop_a_run_pass():
    for name in ("rerun_script", "stop_script"):
        assert first_passed(message_of(name)) == message_of(name)


def test_the_address_of_one_file_at_a_time_is_given_where_files_are_taken():
    def request_for(files: int) -> dict[str, object]:
        message = BackMsg()
        message.file_urls_request.file_names.extend(["own.txt"] * files)
        return {"type": "websocket.receive", "bytes": message.SerializeToString()}

    run = message_of("rerun_script")
    assert first_passed(request_for(1), run, uploads=True) == request_for(1)
    assert first_passed(request_for(2), run, uploads=True) == run
    assert first_passed(request_for(1), run) == run


def test_invalid_bytes_are_dropped_and_text_ends_the_connection():
    run = message_of("rerun_script")
    assert (
        first_passed({"type": "websocket.receive", "bytes": b"\xff\xff"}, {"type": "websocket.receive", "bytes": b""}, run)
        == run
    )
    found = first_passed({"type": "websocket.receive", "text": "clear_cache"}, run)
    assert found == {"type": "websocket.disconnect", "code": 1003}


def test_messages_beyond_the_rate_wait_and_none_is_lost(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(middleware, "BURST_MESSAGES", 3)
    monkeypatch.setattr(middleware, "MESSAGES_PER_SECOND", 20)
    gone = {"type": "websocket.disconnect", "code": 1001}
    messages = [*([message_of("rerun_script"), message_of("stop_script")] * 3), gone]

    async def receive_all() -> tuple[list[Any], float]:
        coming, start = iter(messages), time.monotonic()

        async def receive() -> Any:
            return next(coming)

        receive_allowed = middleware.filter_messages(receive)
        return [await receive_allowed() for _ in messages], time.monotonic() - start

    found, took = asyncio.run(receive_all())
    assert found == messages
    assert took >= 0.14  # three of six waited a twentieth of a second each


@pytest.mark.parametrize("request_", [{}, {"method": "POST"}], ids=["an answer", "a refusal"])
def test_every_answer_has_each_security_header_once(request_: dict[str, str]):
    names = [name.decode().lower() for name, _ in respond(**request_)[0]["headers"]]
    for name, value in security_headers.headers():
        assert names.count(name.decode()) == 1
        assert (name, value) in respond(**request_)[0]["headers"]


def directives() -> dict[str, list[str]]:
    return {name: rest for name, *rest in (part.split() for part in security_headers.content_security_policy().split(";"))}


def test_the_policy_allows_no_other_script_and_no_other_server():
    found = directives()
    assert found["default-src"] == ["'none'"]
    assert [source for source in found["script-src"] if not source.startswith("'sha256-")] == ["'self'", "blob:"]
    assert found["connect-src"] == ["'self'"]
    assert {name for name, sources in found.items() if "'unsafe-inline'" in sources} == {"style-src"}
    assert "unsafe-eval" not in security_headers.content_security_policy()
    assert not re.search(r"https?:|wss?:|\*", security_headers.content_security_policy())
    assert all(found[name] == ["'none'"] for name in ("base-uri", "form-action", "frame-ancestors"))


def test_the_policy_has_the_hash_of_every_inline_script():
    tokens = (Token("a", "a", 0, 1, 0), Token("b", "b", 2, 3, 1))
    whole = Trace(AttentionRequest("m", "a b"), (Block("self", tokens, tokens, (Dense(np.full((1, 2, 2), 0.5, np.float32)),)),))
    views = [draw(whole, HeadRef(0, 0)) for draw in (bertviz.head_view, bertviz.model_view)]
    for page in (index_page.html(), *views):
        inline = re.findall(r"<script>(.*?)</script>", page, re.S)
        assert inline
        assert {digest(script) for script in inline} <= set(directives()["script-src"])


def test_streamlit_finds_the_server_in_the_app():
    found = discover_asgi_app(ROOT / "app.py")
    assert (found.is_asgi_app, found.import_string) == (True, "app:app")
