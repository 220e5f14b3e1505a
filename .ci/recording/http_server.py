"""Records `attnviz serve` and what `streamlit run app.py` answers by HTTP: status, headers, bodies and metrics."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from recording import cases, formats
from recording.folder import Folder, digest, split

JSON = {"Content-Type": "application/json"}
KEY = "k" * 20
DROPPED = {
    "date": "the time of day",
    "server": "named by the library",
    "last-modified": "the time of the set-up",
    "etag": "the same",
}
MASKED = {"x-request-id": "drawn at random", "set-cookie": "a token of Streamlit's, drawn at random"}
STARTS = 120  # seconds
TEXT = cases.TIRED


def question(**more: object) -> bytes:
    """Return a question about the sentence of the first visit, with other or further entries."""
    return json.dumps({"model": "minilm", "text": TEXT} | more).encode()


# (a name, the method, the path, the headers, the body)
REQUESTS: tuple[tuple[str, str, str, Mapping[str, str], bytes], ...] = (
    ("healthz", "GET", "/healthz", {}, b""),
    ("readyz", "GET", "/readyz", {}, b""),
    ("models", "GET", "/v1/models", {}, b""),
    ("openapi", "GET", "/openapi.json", {}, b""),
    ("attention", "POST", "/v1/attention", JSON, question()),
    ("attention-again", "POST", "/v1/attention", JSON, question()),
    ("attention-smollm2", "POST", "/v1/attention", JSON, question(model="smollm2")),
    ("attention-whole", "POST", "/v1/attention", JSON, question(whole=True)),
    ("attention-pair", "POST", "/v1/attention", JSON, question(text=cases.PAIR[0], text_b=cases.PAIR[1])),
    ("attention-null", "POST", "/v1/attention", JSON, question(text_b=None)),
    ("attention-unread", "POST", "/v1/attention", JSON, question(text=cases.UNREAD)),
    ("attention-unread-form-1", "POST", "/v1/attention", {**JSON, "X-Attnviz-Answer": "1"}, question(text=cases.UNREAD)),
    ("attention-form-2", "POST", "/v1/attention", {**JSON, "X-Attnviz-Answer": "2"}, question(text=cases.MIXED)),
    ("attention-form-9", "POST", "/v1/attention", {**JSON, "X-Attnviz-Answer": "9"}, question(text=cases.ARABIC)),
    ("attention-charset", "POST", "/v1/attention", {"Content-Type": "application/json; charset=utf-8"}, question()),
    ("attention-old-client", "POST", "/v1/attention", {**JSON, "User-Agent": "attnviz"}, question(text=cases.UNREAD)),
    ("wrong-path", "GET", "/v1/nothing", {}, b""),
    ("wrong-root", "GET", "/", {}, b""),
    ("wrong-method", "GET", "/v1/attention", {}, b""),
    ("wrong-method-put", "PUT", "/v1/attention", JSON, question()),
    ("wrong-method-models", "DELETE", "/v1/models", {}, b""),
    ("head-models", "HEAD", "/v1/models", {}, b""),
    ("options", "OPTIONS", "/v1/attention", {}, b""),
    ("wrong-type", "POST", "/v1/attention", {"Content-Type": "text/plain"}, question()),
    ("wrong-no-type", "POST", "/v1/attention", {}, question()),
    ("wrong-no-body", "POST", "/v1/attention", JSON, b""),
    ("wrong-json", "POST", "/v1/attention", JSON, b"{"),
    ("wrong-utf8", "POST", "/v1/attention", JSON, b'{"model": "minilm", "text": "\xff"}'),
    ("wrong-surrogate", "POST", "/v1/attention", JSON, b'{"model": "minilm", "text": "\\ud800"}'),
    ("wrong-nan", "POST", "/v1/attention", JSON, b'{"model": "minilm", "text": NaN}'),
    ("wrong-twice", "POST", "/v1/attention", JSON, b'{"model": "minilm", "text": "a", "text": "b"}'),
    ("wrong-deep", "POST", "/v1/attention", JSON, b"[" * 20_000),
    ("wrong-list", "POST", "/v1/attention", JSON, b"[]"),
    ("wrong-string", "POST", "/v1/attention", JSON, b'"text"'),
    ("wrong-missing", "POST", "/v1/attention", JSON, b'{"model": "minilm"}'),
    ("wrong-extra", "POST", "/v1/attention", JSON, question(extra=1)),
    ("wrong-kind", "POST", "/v1/attention", JSON, question(text=3)),
    ("wrong-kind-whole", "POST", "/v1/attention", JSON, question(whole="yes")),
    ("wrong-kind-text-b", "POST", "/v1/attention", JSON, question(text_b=[])),
    ("wrong-kind-model", "POST", "/v1/attention", JSON, question(model=None)),
    ("wrong-model", "POST", "/v1/attention", JSON, question(model="mini")),
    ("wrong-model-path", "POST", "/v1/attention", JSON, question(model="../../etc/passwd")),
    ("wrong-not-here", "POST", "/v1/attention", JSON, question(model="bert-base-uncased")),
    ("wrong-empty", "POST", "/v1/attention", JSON, question(text="")),
    ("wrong-blank", "POST", "/v1/attention", JSON, question(text=" \n ")),
    ("wrong-pair", "POST", "/v1/attention", JSON, question(model="smollm2", text_b="x")),
    ("wrong-tokens", "POST", "/v1/attention", JSON, question(text="word " * 600)),
    ("wrong-bytes", "POST", "/v1/attention", JSON, question(text="x" * 200_001)),
    ("wrong-body-length", "POST", "/v1/attention", JSON, question(text="x" * 3_000_000)),
    ("wrong-form", "POST", "/v1/attention", {**JSON, "X-Attnviz-Answer": "x"}, question()),
    ("wrong-form-0", "POST", "/v1/attention", {**JSON, "X-Attnviz-Answer": "0"}, question()),
    ("metrics", "GET", "/metrics", {}, b""),
)
KEYED = (
    ("no-key", "GET", "/v1/models", {}, b""),
    ("no-key-attention", "POST", "/v1/attention", JSON, question()),
    ("no-key-metrics", "GET", "/metrics", {}, b""),
    ("no-key-health", "GET", "/healthz", {}, b""),
    ("no-key-openapi", "GET", "/openapi.json", {}, b""),
    ("wrong-key", "GET", "/v1/models", {"Authorization": "Bearer nothing"}, b""),
    ("wrong-scheme", "GET", "/v1/models", {"Authorization": f"Basic {KEY}"}, b""),
    ("key", "GET", "/v1/models", {"Authorization": f"Bearer {KEY}"}, b""),
    *((f"often-{n}", "GET", "/v1/models", {"Authorization": f"Bearer {KEY}"}, b"") for n in range(6)),
)
PAGES = (
    ("page-root", "GET", "/", {}, b""),
    ("page-nothing", "GET", "/nothing", {}, b""),
    ("page-health", "GET", "/_stcore/health", {}, b""),
    ("page-metrics", "GET", "/_stcore/metrics", {}, b""),
    ("page-post", "POST", "/", JSON, b"{}"),
    ("page-body", "GET", "/", JSON, b"{}"),
    ("page-head", "HEAD", "/", {}, b""),
    ("page-long", "GET", "/?text=" + "x" * 17_000, {}, b""),
    ("page-upload", "PUT", "/_stcore/upload_file/a/b", {}, b"x"),
)  # fmt: skip


def record(out: Folder, work: Path) -> None:
    """Everything, into files below `http/`."""
    serve = [sys.executable, "-m", "attnviz", "serve", "--port", "0"]
    with served([*serve, "--warm", "minilm,smollm2"], work / "serve.err") as port:
        _until(port, "/readyz")
        for one in REQUESTS:
            _asked(out, port, *one)
    with served(serve, work / "keyed.err", ATTNVIZ_KEY=KEY, ATTNVIZ_RATE="5") as port:
        _until(port, "/healthz")
        for one in KEYED:
            _asked(out, port, *one, folder="http-keyed")
    tree = Path(os.environ["PYTHONPATH"].split(os.pathsep)[0])  # the checkout that is recorded
    pages = [sys.executable, "-m", "streamlit", "run", str(tree / "app.py")]
    options = ["--server.port", "0", "--server.address", "127.0.0.1", "--server.headless", "true"]
    port = _free()
    options[1] = str(port)
    with served([*pages, *options], work / "pages.err", port):
        _until(port, "/_stcore/health")
        found = sorted(path.stem for path in (tree / "pages").glob("*/*.py"))
        for one in (*((f"page-{name}", "GET", f"/{name}", {}, b"") for name in found), *PAGES):
            _asked(out, port, *one, folder="http-pages")


def _free() -> int:
    """Return a port that is free now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(command: Sequence[str], log_path: Path, port: int = 0, **env: str) -> Iterator[int]:
    """The port of a server, read from its first line where it is not given; stopped at the end."""
    tree = Path(os.environ["PYTHONPATH"].split(os.pathsep)[0])
    with log_path.open("wb") as log:
        server = subprocess.Popen(command, cwd=tree, env={**os.environ, **env}, stdout=log, stderr=log)
    try:
        end = time.monotonic() + STARTS
        while not port:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", log_path.read_text())
            port = int(found[1]) if found else 0
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"The server did not start: {log_path.read_text()}")
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _until(port: int, path: str) -> None:
    """Waits until a path is answered with 200."""
    end = time.monotonic() + STARTS
    while time.monotonic() < end:
        try:
            if _answer(port, "GET", path, {}, b"")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{path} was not answered with 200 within {STARTS} s.")


def _answer(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of one request on a connection of its own."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent: the answer is there
            line.request(method, path, body or None, dict(headers))
        found = line.getresponse()
        return found.status, found.getheaders(), found.read()
    finally:
        line.close()


def _asked(
    out: Folder, port: int, name: str, method: str, path: str, headers: Mapping[str, str], body: bytes, folder: str = "http"
) -> None:
    """One request and its answer."""
    status, found, data = _answer(port, method, path, headers, body)
    kept = {key.lower(): value for key, value in found if key.lower() not in DROPPED}
    kept |= {key: f"<{why}>" for key, why in MASKED.items() if key in kept}
    kind = kept.get("content-type", "")
    if path == "/metrics" or kind.startswith(("application/json", "text/")):
        kept.pop("content-length", None)  # of prose, which may be reworded; the rest of it is compared by itself
    lines = [f"{method} {path[:80]}", str(status), *(f"{key}: {value}" for key, value in sorted(kept.items()))]
    out.data(f"{folder}/{name}.status", "\n".join(lines) + "\n")
    target = f"{folder}/{name}"
    if path == "/metrics" and status == 200:
        _metrics(out, target, data.decode())
    elif path == "/openapi.json" and status == 200 and data:
        out.names(f"{target}.routes", formats.routes(data.decode()))
        out.words(target, split(data.decode())[1])
    elif kind.startswith("application/json"):
        out.json(f"{target}.json", data.decode())
    elif data[:4] == b"ATW1":
        length = int.from_bytes(data[20:24], "little")
        out.data(f"{target}.header", data[24 : 24 + length].decode().replace('],"', '],\n"').replace("],[", "],\n[") + "\n")
        out.data(f"{target}.wire", digest(data) + "\n")
    elif kind.startswith("text/html"):
        out.markup(f"{target}.html", data.decode())
    elif kind.startswith("text/plain"):
        out.text(f"{target}.text", data.decode())
    elif data:
        out.data(f"{target}.body", digest(data) + "\n")


def _metrics(out: Folder, name: str, text: str) -> None:
    """Names, labels and kinds of metrics as names; the counts of what was asked above as data; helps as wording.

    Times and memory are of this run, and so are requests for /readyz, which is asked until all is warm.
    """
    lines = [line for line in text.splitlines() if "/readyz" not in line]
    samples = [line.rpartition(" ") for line in lines if line and not line.startswith("#")]
    out.names(f"{name}.samples", (_sorted_labels(sample) for sample, _, _ in samples))
    out.names(f"{name}.types", (line for line in lines if line.startswith("# TYPE")))
    counted = [(sample, float(value)) for sample, _, value in samples if "_total" in sample and float(value)]
    out.data(f"{name}.counts", "".join(f"{sample} {value:g}\n" for sample, value in sorted(counted)))
    out.words(name, sorted(line for line in lines if line.startswith("# HELP")))


def _sorted_labels(sample: str) -> str:
    """Return a sample with its labels in alphabetical order, which means the same to Prometheus."""
    name, brace, labels = sample.rstrip("}").partition("{")
    return f"{name}{{{','.join(sorted(labels.split(',')))}}}" if brace else name


if __name__ == "__main__":
    from recording.start import started

    record(*started(sys.argv))
