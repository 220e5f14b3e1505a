"""The first reader of a server is this program: `python -m attnviz.ui.warm_up PORT`, started beside the server.

It waits until the server answers and has it run the page once, so that the model is loaded before somebody comes. It also
spares the first deep link Streamlit's dialog "Page not found": until a page has run, a server takes `pages/` for its
older kind of app.
"""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request

PATIENCE = 120  # seconds


def visit(port: int, patience: float = PATIENCE) -> bool:
    """Have the server on `port` run its page; False where it does not answer in time or the page fails."""
    address = f"http://127.0.0.1:{port}/_stcore/script-health-check"
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=patience) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False
        except OSError:
            time.sleep(0.2)
    return False


if __name__ == "__main__":
    sys.exit(0 if visit(int(sys.argv[1])) else 1)
