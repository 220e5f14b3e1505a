"""The first visitor of a server, started beside it: `python -m attnviz.ui.warm_up http://127.0.0.1:8501 [--open URL]`.

It waits until the server answers and has it run the page once, so that the model is loaded before anyone comes. It also
spares the first deep link Streamlit's dialog "Page not found": until a page has run, a server takes `pages/` for its
older kind of app. With `--open` it opens the browser as soon as the server answers.
"""

from __future__ import annotations

import argparse
import sys
import time
import urllib.error
import urllib.request
import webbrowser

PATIENCE = 120.0  # seconds
HERE = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy stands before a server of this machine


def visit(port: int, patience: float = PATIENCE) -> bool:
    """Have the server on `port` run its page; False where it does not answer in time or the page fails."""
    return _asked(f"http://127.0.0.1:{port}/_stcore/script-health-check", patience)


def _asked(address: str, patience: float) -> bool:
    """Whether `address` answers with 200; while no server listens there, it is asked again for `patience` seconds."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            with HERE.open(address, timeout=patience) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False
        except OSError:
            time.sleep(0.2)
    return False


def main() -> int:
    """Visit the server that the command line names; returns 0 where its page ran."""
    parser = argparse.ArgumentParser(prog="python -m attnviz.ui.warm_up")
    parser.add_argument("address", help="of the server, e.g. http://127.0.0.1:8501")
    parser.add_argument("--open", metavar="URL", help="what to open in the browser once the server answers")
    chosen = parser.parse_args()
    if not _asked(f"{chosen.address}/_stcore/health", PATIENCE):
        return 1
    if chosen.open:
        webbrowser.open(chosen.open)
    return 0 if _asked(f"{chosen.address}/_stcore/script-health-check", PATIENCE) else 1


if __name__ == "__main__":
    sys.exit(main())
