"""`attnviz serve`: serve the models of this machine to front ends on others, over HTTP."""

from __future__ import annotations

import argparse
import ipaddress
from typing import Any

from attnviz.cli import io
from attnviz.errors import BadInputError

HOST, PORT = "127.0.0.1", 8600
MAX_BATCH = 64  # texts that one pass may read


def add(commands: Any) -> None:
    """Add the command and its options."""
    serve = commands.add_parser("serve", help="serve models to front ends over HTTP (ATTNVIZ_BACKEND=http://this-machine:8600)")
    serve.add_argument("--host", default=HOST, metavar="H", help=f"address to listen on (default: {HOST}, only this machine)")
    serve.add_argument("--port", type=int, default=PORT, metavar="N", help=f"default: {PORT}; 0: any free port")
    serve.add_argument(
        "--warm", default="", metavar="M,M", help="models to load at the start, e.g. minilm,smollm2; /readyz waits for them"
    )
    serve.add_argument(
        "--batch", type=int, default=1, metavar="N",
        help="read up to N short texts that wait together in one pass; answers agree to 1e-5 and say so (default: 1)",
    )  # fmt: skip
    serve.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Serve until stopped."""
    from attnviz.models import catalog
    from attnviz.settings import Settings

    settings = Settings.from_env()
    if not 0 <= chosen.port <= 65535:
        raise BadInputError(f"--port is a whole number from 0 to 65535; got {chosen.port}. Correct it.")
    if not 1 <= chosen.batch <= MAX_BATCH:
        raise BadInputError(f"--batch is a whole number from 1 to {MAX_BATCH}; got {chosen.batch}. Correct it.")
    if settings.backend != "local:":
        raise BadInputError(
            f"A server runs models itself; ATTNVIZ_BACKEND is {settings.backend!r}. Unset it where the server runs."
        )
    warm = tuple(dict.fromkeys(catalog.card(name.strip()).id for name in chosen.warm.split(",") if name.strip()))
    from attnviz.backends.local import LocalBackend
    from attnviz.server import app

    found = app.listen(chosen.host, chosen.port)
    host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    io.note(f"http://{host}:{found.getsockname()[1]} (Ctrl+C stops it)")
    if not settings.key and not _own(found.getsockname()[0]):
        io.note("anyone who reaches this address can use it; set ATTNVIZ_KEY here and at the front ends to admit only those")
    backend = LocalBackend(settings)
    if chosen.batch == 1:
        app.serve(backend, settings, found, warm)
    else:
        from attnviz.backends import batched

        app.serve(batched.BatchedBackend(backend, chosen.batch), batched.batch_settings(settings, chosen.batch), found, warm)


def _own(address: str) -> bool:
    """Return whether only this machine reaches an address."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
