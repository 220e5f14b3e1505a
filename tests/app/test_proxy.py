"""deploy/nginx.conf with a real nginx in front of two front ends and one HTTP backend."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from attnviz.backends.local import LocalBackend
from attnviz.settings import Settings
from attnviz.web import security_headers
from tests.app.visitors import Server, open_page, running_app
from tests.servers import running_server, wait_until

ROOT = Path(__file__).parents[2]
CONF = ROOT / "deploy" / "nginx.conf"
SECRET = "The animal hid a secret because it was shy"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="No nginx here. On Debian: apt-get install nginx"),
]


@dataclass
class Proxy:
    """A running nginx: its address, the folder of its files, and the servers behind it."""

    url: str
    folder: Path
    fronts: tuple[Server, Server]
    backend: str

    @property
    def port(self) -> int:
        """Return its port."""
        return int(self.url.rpartition(":")[2])

    def log(self) -> list[str]:
        """Return the lines of the access log, which is off by default."""
        return (self.folder / "paths.log").read_text().splitlines()

    def all_written(self) -> str:
        """Return the content of all files that nginx wrote."""
        return "".join(file.read_text(errors="replace") for file in self.folder.rglob("*") if file.is_file())


def configured(folder: Path, port: int, fronts: tuple[Server, Server], *, log: bool = True) -> Path:
    """Write our configuration with the ports and folders of this test, and with the access log that it describes."""
    text = CONF.read_text()
    for old, server in zip((8501, 8502), fronts, strict=True):
        text = text.replace(f"127.0.0.1:{old} ", f"127.0.0.1:{server.port} ")
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    own = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
    text = text.replace("http {\n", f"http {{\n{own}", 1)
    if log:
        line = re.search(r"# to count requests: (access_log) (\S+) (paths;)", text)
        assert line
        text = text.replace("access_log off;", f"{line[1]} {folder}/paths.log {line[3]}")
    written = folder / "nginx.conf"
    written.write_text(text)
    return written


@contextmanager
def running(conf: Path, port: int) -> Iterator[None]:
    """Run nginx with a configuration until the block ends; its messages are written beside the file."""
    command = ["nginx", "-c", str(conf), "-g", f"daemon off; pid {conf.parent}/pid;"]
    with (conf.parent / "error.log").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        wait_until(lambda: listens(port))
        yield
    finally:
        process.terminate()
        process.wait(20)


def listens(port: int) -> bool:
    """Return whether a server listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two", "nginx")]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        running_server(LocalBackend(Settings.from_env()), Settings()) as backend,
        running_app(ROOT / "app.py", folders[0], ATTNVIZ_BACKEND=backend) as one,
        running_app(ROOT / "app.py", folders[1], ATTNVIZ_BACKEND=backend) as two,
        running(configured(folders[2], port, (one, two)), port),
    ):
        yield Proxy(f"http://127.0.0.1:{port}", folders[2], (one, two), backend)


def upstreams(lines: list[str]) -> set[str]:
    """Return the front ends that got the requests."""
    return {line.split()[-1] for line in lines}


def fresh() -> httpx.Client:
    """Return a client without cookies."""
    return httpx.Client(timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


def new_cookie(proxy: Proxy) -> str:
    """Return the cookie of a new user, as a browser sends it back."""
    return "attnviz=" + fresh().get(f"{proxy.url}/").cookies["attnviz"]


def test_the_configuration_writes_no_log():
    text = CONF.read_text()
    assert re.findall(r"^\s*(access_log|error_log) (.*?);", text, re.M) == [
        ("error_log", "stderr emerg"),
        ("access_log", "off"),
    ]
    assert re.search(r"^\s*log_format paths '([^']*)'", text, re.M)
    for variable in ("$request ", "$request_uri", "$args", "$query", "$http_referer", "$remote_addr"):
        assert variable not in re.sub(r"limit_\w+_zone .*", "", text), variable


def test_users_are_spread_over_front_ends_and_each_stays_with_one(proxy: Proxy):
    before = len(proxy.log())
    for _ in range(24):
        assert fresh().get(f"{proxy.url}/_stcore/health").status_code == 200
    wait_until(lambda: len(proxy.log()) == before + 24)
    assert upstreams(proxy.log()[before:]) == {f"127.0.0.1:{front.port}" for front in proxy.fronts}

    for _ in range(3):
        cookie, before = new_cookie(proxy), len(proxy.log())
        for _ in range(8):
            answer = fresh().get(f"{proxy.url}/_stcore/health", headers={"cookie": cookie})
            assert "attnviz" not in answer.cookies
        wait_until(lambda before=before: len(proxy.log()) >= before + 8)
        assert len(upstreams(proxy.log()[-8:])) == 1


def test_the_cookie_is_a_random_number_for_the_session(proxy: Proxy):
    cookie = fresh().get(f"{proxy.url}/", headers={"cookie": "attnviz=../../etc; other=1"}).headers["set-cookie"]
    assert re.fullmatch(r"attnviz=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Lax", cookie)


def test_a_page_works_through_the_proxy_and_shows_the_backends_answer(proxy: Proxy):
    before = len(proxy.log())
    cookie = new_cookie(proxy)

    async def read() -> tuple[str, str, str]:
        here = f"http://127.0.0.1:{proxy.port}"
        async with open_page(proxy.fronts[0], query="model=minilm", origin=here, port=proxy.port, cookie=cookie) as page:
            first = await page.run()
            second = await page.run(SECRET)
            return first, second, page.query

    first, second, query = asyncio.run(read())

    assert (first, second) == ("", ""), "no messages"
    assert quote(SECRET.split()[-1]) in query
    metrics = fresh().get(f"{proxy.backend}/metrics").text
    assert float(re.search(r'requests_total\{route="/v1/attention",status="200"\} (\S+)', metrics)[1]) >= 2
    wait_until(lambda: any("/_stcore/stream 101 " in line for line in proxy.log()[before:]))
    assert len(upstreams(proxy.log()[before:])) == 1, "the websocket goes to the front end of the page"


def test_a_websocket_of_another_origin_is_refused(proxy: Proxy):
    async def read() -> None:
        async with open_page(proxy.fronts[0], origin="http://elsewhere.example", port=proxy.port):
            pass

    with pytest.raises(InvalidStatus, match="403"):
        asyncio.run(read())


def test_no_typed_text_is_in_any_file(proxy: Proxy):
    before = len(proxy.log())
    addresses = [f"/?text={quote(SECRET)}", f"/syntax?text={quote(SECRET)}", f"/{quote(SECRET)}", "/static/none.js?text=secret"]
    for address in addresses:
        fresh().get(proxy.url + address, headers={"referer": f"{proxy.url}/?text={quote(SECRET)}"})
    wait_until(lambda: len(proxy.log()) == before + 4)

    assert [line.split()[2] for line in proxy.log()[before:]] == ["/", "/syntax", "other", "/static/none.js"]
    assert "secret" not in proxy.all_written().casefold()


def test_every_security_header_is_sent_once(proxy: Proxy):
    answer = fresh().get(f"{proxy.url}/")
    names = Counter(name.lower() for name, _ in answer.headers.multi_items())

    assert not {name.decode() for name, _ in security_headers.headers() if names[name.decode()] != 1}
    assert all(answer.headers[name.decode()] == value.decode() for name, value in security_headers.headers())
    assert names["set-cookie"] == names["server"] == 1
    assert answer.headers["server"] == "nginx"


@pytest.mark.parametrize(("length", "status"), [(8_000, 200), (16_000, 200), (17_000, 414), (60_000, 414)])
def test_our_longest_links_pass_and_longer_ones_do_not(proxy: Proxy, length: int, status: int):
    assert fresh().get(f"{proxy.url}/?text={'x' * length}").status_code == status


def test_the_proxy_refuses_a_body(proxy: Proxy):
    assert fresh().post(f"{proxy.url}/", content=b"x" * 1000).status_code == 413


def test_where_no_front_end_answers_the_user_gets_a_message_and_nothing_is_logged(proxy: Proxy, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
        port, gone = free.getsockname()[1], other.getsockname()[1]
    away = Server(gone, tmp_path, tmp_path, tmp_path)
    with running(configured(tmp_path, port, (away, away), log=False), port):
        answer = fresh().get(f"http://127.0.0.1:{port}/?text={quote(SECRET)}")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "Your text is in the address" in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert (tmp_path / "error.log").read_bytes() == b""
    assert not (tmp_path / "paths.log").exists()
