"""The first visit to a server, so that users do not wait: `python -m attnviz.ui.warm_up http://127.0.0.1:8501 [--open URL]`.

It waits until the server answers and has it run the page once, so that the model is loaded before the first user comes. It also
avoids Streamlit's dialog "Page not found" at the first deep link: until a page has run, a server takes `pages/` for its older
kind of app. With `--open` it opens the browser as soon as the server answers.
"""

from __future__ import annotations

import argparse
import sys
import time
import urllib.error
import urllib.request
import webbrowser

TIMEOUT = 120.0  # seconds
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # without a proxy: the server is on this machine


def visit(port: int, timeout: float = TIMEOUT) -> bool:
    """Have the server on `port` run its page. Returns False where it does not answer in time or the page fails."""
    return _get(f"http://127.0.0.1:{port}/_stcore/script-health-check", timeout)


def _get(address: str, timeout: float) -> bool:
    """Return whether `address` answers with 200; while no server listens there, try again for `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            with LOCAL.open(address, timeout=timeout) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False
        except OSError:
            time.sleep(0.2)
    return False


def main() -> int:
    """Visit the server named on the command line, and return 0 if its page ran, else 1."""
    parser = argparse.ArgumentParser(prog="python -m attnviz.ui.warm_up")
    parser.add_argument("address", help="of the server, e.g. http://127.0.0.1:8501")
    parser.add_argument("--open", metavar="URL", help="what to open in the browser once the server answers")
    args = parser.parse_args()
    if not _get(f"{args.address}/_stcore/health", TIMEOUT):
        return 1
    if args.open:
        webbrowser.open(args.open)
    return 0 if _get(f"{args.address}/_stcore/script-health-check", TIMEOUT) else 1


if __name__ == "__main__":
    sys.exit(main())
