"""Set up every test: checked shapes, one thread of arithmetic, no network, and a browser or the reason for its absence."""

from __future__ import annotations

import gc
import ipaddress
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.signatures import check_signatures

if TYPE_CHECKING:
    from attnviz.backends.cached import CachedBackend

ROOT = Path(__file__).parent.parent

# What is imported stays: until all of it is there, the collector would walk through it again and again and free nothing.
gc.disable()

# Before torch is first imported: two test workers with a thread a core each would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

# The reader's own settings decide nothing here, and converted weights do not go into the reader's own cache.
for name in [name for name in os.environ if name.startswith("ATTNVIZ_") and name != "ATTNVIZ_CORPORA"]:
    del os.environ[name]
os.environ["ATTNVIZ_CACHE_DIR"] = str(ROOT / ".cache")

# Before attnviz is first imported: every signature of it is checked at every call, shapes and axis names included.
check_signatures("attnviz")

# Hypothesis draws the same examples every time, and no example is late on a machine that does other things too.
# `make check` reads 20 examples of each property (--hypothesis-profile=quick), every longer run 100.
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.load_profile("ci")


def leaves_this_machine(host: object) -> bool:
    """Whether `host`, a name or an address, is another machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return False
    try:
        return not ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return True


def no_network(event: str, args: tuple[object, ...]) -> None:
    """An audit hook: calls to other machines fail as they do without a network."""
    if event == "socket.getaddrinfo" and leaves_this_machine(args[0]):
        raise socket.gaierror(socket.EAI_NONAME, f"Tests have no network; asked for {args[0]!r}.")
    if event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple) and leaves_this_machine(args[1][0]):
        raise ConnectionRefusedError(f"Tests have no network; asked for {args[1]!r}.")


sys.addaudithook(no_network)


def browser_path() -> str | None:
    """Where this machine's Chromium is, if it has one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_itemcollected(item: pytest.Item) -> None:
    if (ROOT / "tests" / "browser") in item.path.parents:
        item.add_marker("browser")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and browser_path() is None:
        missing = "No Chromium on this machine. On Debian: apt-get install chromium; elsewhere install Chromium or Chrome."
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing} Under CI=true browser tests must run.", pytrace=False)
        pytest.skip(missing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each line that a test recorded as `summary`."""
    reports = [report for some in terminalreporter.stats.values() for report in some]
    summaries = {line for report in reports for name, line in getattr(report, "user_properties", ()) if name == "summary"}
    for line in sorted(map(str, summaries)):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the machine's Chromium, for Playwright's `executable_path`."""
    path = browser_path()
    assert path is not None, "pytest_runtest_setup lets no browser test through without one"
    return path


@pytest.fixture(scope="session")
def backend() -> Iterator[CachedBackend]:
    """The models in this process, loaded once for all tests that read real texts."""
    from attnviz.backends import open_backend

    made = open_backend()
    yield made
    made.close()


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of annotated texts; a test that needs it is skipped, by name, where it is absent."""
    folder = os.environ.get("ATTNVIZ_CORPORA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("No annotated texts here. Set ATTNVIZ_CORPORA to the folder that has them.")
    return Path(folder)
