"""Files that a page sends: which requests are let in, how many bytes, how many at once, and which files are dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from attnviz.web import middleware, uploads

ONE, TWO = "0123abcd-0000-0000-0000-00000000000a", "0123abcd-0000-0000-0000-00000000000b"
PATH = f"/_stcore/upload_file/{ONE}/{TWO}"
FORM = (b"content-type", b"multipart/form-data; boundary=x")
HOST = (b"host", b"school.example")
LIMIT = 10_000


def upload(path: str = PATH, *, size: int = 500, method: str = "PUT", headers: Any = (FORM,)) -> dict[str, Any]:
    length = [(b"content-length", str(size).encode())]
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [HOST, *length, *headers]}


async def sent(
    gate: uploads.UploadGate, scope: dict[str, Any], chunks: list[bytes] | None = None,
    app: Callable[[Any, Any, Any], Awaitable[None]] | None = None,
) -> tuple[int, int]:  # fmt: skip
    """Return the status of one upload, and how many bytes of it reached Streamlit."""
    statuses: list[int] = []
    body = [b"x" * 500] if chunks is None else chunks
    coming = iter([{"type": "http.request", "body": one, "more_body": one is not body[-1]} for one in body])
    reached = 0

    async def receive() -> Any:
        return next(coming)

    async def send(message: Any) -> None:
        statuses.append(message["status"])

    async def respond(status: int, text: str) -> None:
        statuses.append(status)

    async def streamlit(scope: Any, receive: Any, send: Any) -> None:
        nonlocal reached
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            reached += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 204, "headers": []})

    await gate.forward(app or streamlit, scope, receive, send, respond)
    return statuses[0], reached


def status(scope: dict[str, Any], chunks: list[bytes] | None = None) -> tuple[int, int]:
    return asyncio.run(sent(uploads.UploadGate(LIMIT), scope, chunks))


@pytest.mark.parametrize("base", ["", "/under", "/a/b"])
def test_only_streamlits_own_address_takes_a_file_under_any_base_path(base: str):
    gate = uploads.UploadGate(LIMIT)
    assert gate.takes(upload(base + PATH))
    assert gate.takes(upload(base + PATH, method="DELETE"))


@pytest.mark.parametrize(
    "scope",
    [
        upload(method="POST"), upload(method="OPTIONS"), upload("/"), upload(f"{PATH}/c"), upload("/_stcore/upload_file/a/b"),
        upload(f"/_stcore/upload_file/{ONE}/{TWO}\n"), upload(f"/_stcore/upload_file/{ONE}/../{TWO}"),
    ],
)  # fmt: skip
def test_nothing_else_is_an_upload(scope: dict[str, Any]):
    assert not uploads.UploadGate(LIMIT).takes(scope)


def test_a_server_without_uploads_takes_none():
    assert not uploads.UploadGate(0).takes(upload())


def test_a_file_within_the_bound_passes_with_its_form():
    assert status(upload()) == (204, 500)
    assert status(upload(size=LIMIT + uploads.FRAMING)) == (204, 500)


@pytest.mark.parametrize(
    ("scope", "answer"),
    [
        (upload(size=LIMIT + uploads.FRAMING + 1), 413),
        (upload(headers=()), 415),
        (upload(headers=[(b"content-type", b"application/json")]), 415),
        (upload(headers=[FORM, (b"Transfer-Encoding", b"chunked")]), 411),
        ({**upload(), "headers": [HOST, FORM]}, 411),
        ({**upload(), "headers": [HOST, FORM, (b"content-length", b"-1")]}, 411),
        ({**upload(), "headers": [HOST, FORM, (b"content-length", b"1e3")]}, 411),
        (upload(method="DELETE", size=1), 413),
    ],
)
def test_what_is_not_allowed_is_refused_before_a_byte_is_read(scope: dict[str, Any], answer: int):
    assert status(scope) == (answer, 0)


def test_more_bytes_than_allowed_end_the_connection():
    chunks = [b"x" * 5_000] * 10
    _, reached = status(upload(size=500), [*chunks[:-1], b"end"])
    assert reached <= LIMIT + uploads.FRAMING


def test_a_file_that_trickles_in_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "SECONDS", 0.02)

    async def never(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)

    assert asyncio.run(sent(uploads.UploadGate(LIMIT), upload(), app=never)) == (408, 0)


def test_few_files_arrive_at_the_same_time():
    async def together() -> list[int]:
        ends = asyncio.Event()

        async def waiting(scope: Any, receive: Any, send: Any) -> None:
            await ends.wait()
            await send({"type": "http.response.start", "status": 204, "headers": []})

        gate = uploads.UploadGate(LIMIT)
        first = [asyncio.create_task(sent(gate, upload(), app=waiting)) for _ in range(uploads.AT_ONCE)]
        await asyncio.sleep(0)
        refused = await sent(gate, upload(), app=waiting)
        ends.set()
        passed = await asyncio.gather(*first)
        return [refused[0], *(one[0] for one in passed), (await sent(gate, upload()))[0]]

    assert asyncio.run(together()) == [503, *[204] * uploads.AT_ONCE, 204]


def test_the_rate_of_uploads_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "BURST", 3)
    gate = uploads.UploadGate(LIMIT)
    assert [asyncio.run(sent(gate, upload()))[0] for _ in range(4)] == [204, 204, 204, 503]


def test_the_oldest_files_of_a_session_and_of_the_server_are_dropped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "TOTAL", 1_300)
    dropped: list[tuple[str, str]] = []
    gate = uploads.UploadGate(LIMIT, lambda session, file: dropped.append((session[-1], file[-1])))

    def put(session: str, file: str, method: str = "PUT") -> None:
        start = "0" * 35
        path = f"/_stcore/upload_file/{start}{session}/{start}{file}"
        asyncio.run(sent(gate, upload(path, size=500 if method == "PUT" else 0, method=method)))

    for file in "123":
        put("a", file)
    assert dropped == [("a", "1")]  # the third of one session
    put("a", "2", "DELETE")
    put("b", "4")
    assert dropped == [("a", "1")]
    put("c", "5")
    assert dropped == [("a", "1"), ("a", "3")]  # more bytes than all may have


def test_the_middleware_lets_a_file_in_only_from_its_own_pages():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def answer(*more: tuple[bytes, bytes]) -> Any:
        found: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            found.append(message)

        asyncio.run(middleware.PageMiddleware(app)(upload(headers=[FORM, *more]), receive, send))
        return found[0]

    own = answer((b"origin", b"https://school.example"))
    assert own["status"] == 204
    assert b"content-security-policy" in dict(own["headers"])
    assert answer((b"origin", b"https://elsewhere.example"))["status"] == 405
    assert answer()["status"] == 204  # a program; Streamlit asks for its token
