"""The HTTP service on a Ray cluster: a deployment of each model, batched and scaled by itself, behind one front.

    python deploy/ray_app.py --models minilm:1-4,smollm2:1 --batch 8 --port 8600

gives minilm one to four copies, as many as are asked for, and smollm2 always one. Ray starts on this machine, or joins the
machines that RAY_ADDRESS names, where attnviz and the models must be installed too. Ray is no part of attnviz:
`pip install -r requirements-ray.txt -c constraints.txt` brings it, and `make serve-ray` does both. What is asked, answered
and refused is as with `attnviz serve`; between Ray's processes questions go as plain words and answers as bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # it would tell its makers about this machine

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, HTTPOptions
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from attnviz import logs
from attnviz.backends.base import Backend
from attnviz.backends.batched import BatchedBackend, gathering
from attnviz.backends.local import LocalBackend
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BackendError, BusyError, LateError, UnavailableError, kinds
from attnviz.models import catalog
from attnviz.server import app as server
from attnviz.server.admission import Asked
from attnviz.server.metrics import Labels, Metrics
from attnviz.server.workers import FIRST, GRACE, Desk, Timings
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard

NAME = "attnviz"
LOST = 2  # seconds after which to ask again when a copy was lost
ONE = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}  # copies are many, a core for each
QUIET = LoggingConfig(enable_access_log=False, log_level="WARNING")
BOUNDS = re.compile(r"([\w.-]+)(?::(\d{1,3})(?:-(\d{1,3}))?)?")


@serve.deployment(health_check_period_s=5, graceful_shutdown_timeout_s=20)
class Copy:
    """One model in one process: what it is asked at the same moment it reads together."""

    def __init__(self, name: str, settings: Settings, rows: int) -> None:
        keep_logs()
        self.name = name
        inner = LocalBackend(settings)
        backend = inner if rows == 1 else BatchedBackend(inner, rows)
        self.desk = Desk(backend, settings if rows == 1 else gathering(settings, rows), Metrics())
        self.desk.warm(name).result()  # a copy is one only when it can answer

    async def answer(self, told: Mapping[str, Any], client: Sequence[str]) -> tuple[bytes | dict[str, Any], bool]:
        """The answer's bytes, or an error as the wire has it: Ray would log and send what is raised here, text and all."""
        timings = Timings()
        request = AttentionRequest(told["model"], told["text"], told["text_b"])
        try:
            data = await self.desk.answer(Asked(request, told["whole"], told["form"]), (client[0], client[1]), timings)
        except AttnvizError as error:
            return {"kind": type(error).__name__, "message": str(error), "retry_after": getattr(error, "retry_after", 0)}, False
        except Exception as error:  # noqa: BLE001  # a fault of ours, whatever it is
            logs.SERVER_LOG.error("fault: %s", error, extra={"fields": {"model": self.name}})
            said = f"The copy of {self.name} that had this question failed at it; the log of that copy says where. Try again."
            return {"kind": BackendError.__name__, "message": said, "retry_after": 0}, False
        return data, timings.cached


class Handed:
    """A desk that hands each question to one of the copies of its model."""

    def __init__(self, copies: Mapping[str, DeploymentHandle], settings: Settings, metrics: Metrics) -> None:
        self.copies, self.settings, self.metrics = copies, settings, metrics
        self._asking = ThreadPoolExecutor(1)

    async def answer(self, asked: Asked, client: tuple[str, str], timings: Timings) -> bytes:
        """The answer of a copy; it is told when nobody waits any more."""
        found = self._handed(asked, client)
        try:
            told, timings.cached = await asyncio.wait_for(found, self.settings.seconds + 2 * GRACE)
        except TimeoutError as error:
            raise LateError(f"No answer was ready within {self.settings.seconds} s. Shorten the text, or try later.") from error
        except BackPressureError as error:
            raise BusyError(f"All copies of the model are busy, try again in {LOST} s.", LOST) from error
        except (ReplicaUnavailableError, DeploymentUnavailableError, ray.exceptions.RayActorError) as error:
            raise BusyError(f"A copy of the model was lost, and the others are busy, try again in {LOST} s.", LOST) from error
        if isinstance(told, bytes):
            return told
        raise raised(told)

    def _handed(self, asked: Asked, client: tuple[str, str]) -> Any:
        """Ray's promise of an answer."""
        request = asked.request
        copies = self.copies.get(catalog.card(request.model).id)
        if copies is None:
            raise UnavailableError(f"{request.model} is not served here. Choose one of {', '.join(self.copies)}.")
        told = {"model": request.model, "text": request.text, "text_b": request.text_b}
        told |= {"whole": asked.whole, "form": asked.form}
        return copies.answer.remote(told, client)

    def warm(self, name: str) -> Future[None]:
        """Done once a copy has answered."""

        def read() -> None:
            told, _ = self._handed(Asked(AttentionRequest(name, FIRST)), ("", "")).result(timeout_s=600)
            if not isinstance(told, bytes):
                raise raised(told)

        return self._asking.submit(read)

    def gauges(self, models: Iterable[str]) -> dict[tuple[str, Labels], float]:
        """None: those of the copies are Ray's own."""
        return {}

    def close(self) -> None:
        """The copies end with their deployments."""
        self._asking.shutdown(wait=False, cancel_futures=True)


class Deployed:
    """What the front knows of the models: their cards. They themselves are in the copies."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)

    def models(self) -> tuple[ModelCard, ...]:
        """The catalogue: one that has no copies is listed as not here."""
        return catalog.cards()

    def has(self, name: str) -> bool:
        """Whether a model has copies."""
        return name in self.names

    def attend(self, request: AttentionRequest) -> Trace:
        """Never asked: the desk hands questions on as they are."""
        raise BackendError(f"{request.model} is read by its copies. Ask them.")

    def close(self) -> None:
        """Nothing is held."""


@serve.deployment(name="Front", max_ongoing_requests=server.CONNECTIONS, ray_actor_options={"num_cpus": 0})
@serve.ingress()
class Front:
    """HTTP in, questions to the copies out."""

    def __init__(self, settings: Settings, **copies: DeploymentHandle) -> None:
        keep_logs()
        self.settings, self.copies = settings, copies

    def __serve_build_asgi_app__(self) -> Any:
        """The app of `attnviz serve` with another desk."""

        def desk(_: Backend, settings: Settings, metrics: Metrics) -> Handed:
            return Handed(self.copies, settings, metrics)

        return server.app(Deployed(self.copies), self.settings, tuple(self.copies), desk)


def keep_logs() -> None:
    """This process of Ray's writes the lines of `attnviz serve`, and no library in it writes what a reader typed."""
    logs.redact_logs()
    logs.log_json_to_stderr()


def raised(told: Mapping[str, Any]) -> AttnvizError:
    """The error that a copy told."""
    kind = kinds().get(told["kind"], BackendError)
    return kind(told["message"], told["retry_after"]) if issubclass(kind, BusyError) else kind(told["message"])


def bounds(models: str) -> dict[str, tuple[int, int]]:
    """`minilm:1-4,smollm2:1` as the fewest and the most copies of each; a name alone has one. Else AttnvizError."""
    found = {}
    for entry in filter(None, map(str.strip, models.split(","))):
        match = BOUNDS.fullmatch(entry)
        if match is None:
            raise AttnvizError(f"--models is like minilm:1-4,smollm2:1; got {entry!r}. Correct it.")
        least = int(match[2] or 1)
        most = int(match[3] or least)
        if not 1 <= least <= most:
            raise AttnvizError(f"Copies are at least 1 and at most a number not below that; got {entry!r}. Correct it.")
        found[catalog.card(match[1]).id] = least, most
    if not found:
        raise AttnvizError("--models names at least one model, as minilm:1-4. Name one.")
    return found


def application(copies: Mapping[str, tuple[int, int]], settings: Settings, rows: int) -> serve.Application:
    """The front and the deployment of each model. A copy is added when a batch and a half is under way in each."""
    bound = {}
    for name, (least, most) in copies.items():
        scaled = AutoscalingConfig(
            min_replicas=least, max_replicas=most, target_ongoing_requests=max(2.0, 1.5 * rows),
            upscale_delay_s=5, downscale_delay_s=60,
        )  # fmt: skip
        deployment = Copy.options(
            name=name, autoscaling_config=scaled, max_ongoing_requests=gathering(settings, rows).at_once,
            max_queued_requests=settings.waiting, ray_actor_options={"num_cpus": 1, "runtime_env": {"env_vars": ONE}},
            logging_config=QUIET,
        )  # fmt: skip
        bound[name] = deployment.bind(name, settings, rows)
    return Front.options(logging_config=QUIET).bind(settings, **bound)


def main() -> int:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description="The models of a Ray cluster over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument(
        "--models", default="minilm,smollm2", help="names, each with its bounds of copies: minilm:1-4,smollm2:1"
    )
    parser.add_argument(
        "--batch", type=int, default=8, choices=range(1, 65), metavar="N", help="texts a pass, 1 to 64 (default: 8)"
    )
    chosen = parser.parse_args()
    try:
        built = application(bounds(chosen.models), Settings.from_env(), chosen.batch)
    except AttnvizError as error:
        print(error, file=sys.stderr)
        return 2
    here = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
    ray.init(log_to_driver=False, logging_level=logging.WARNING, **here)
    serve.start(http_options=HTTPOptions(host=chosen.host, port=chosen.port), logging_config=QUIET)
    serve.run(built, name=NAME, route_prefix="/")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # only now: Ray sets its own when it starts
        signal.signal(number, lambda *_: stop.set())
    print(f"http://{chosen.host}:{chosen.port} (Ctrl+C stops it)", flush=True)
    stop.wait()
    serve.shutdown()
    ray.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
