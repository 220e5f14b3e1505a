"""Serve over HTTP on a Ray cluster: one deployment for each model, batched and scaled by itself, behind one front.

    python deploy/ray_app.py --models minilm:1-4,smollm2:1 --batch 8 --port 8600

runs one to four replicas of minilm, as many as the load needs, and always one of smollm2. Ray starts on this machine, or joins
the cluster that RAY_ADDRESS names, where attnviz and the models must be installed too. Ray is not a requirement of attnviz:
`pip install -r requirements-ray.txt -c constraints.txt` installs it, and `make serve-ray` does both. Requests, answers and
errors are those of `attnviz serve`; between Ray's processes a question travels as plain values and an answer as bytes.
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

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # otherwise Ray reports about this machine to its makers

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, HTTPOptions
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from attnviz import logs
from attnviz.backends.base import Backend, Capabilities
from attnviz.backends.batched import BatchedBackend, batch_settings
from attnviz.backends.local import LocalBackend
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BackendError, BusyError, UnavailableError, kinds
from attnviz.models import catalog
from attnviz.server import app as server
from attnviz.server.admission import ParsedRequest
from attnviz.server.metrics import Metrics
from attnviz.server.responder import GRACE_SECONDS, WARM_UP_TEXT, LocalResponder, Timings, late_error
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard

NAME = "attnviz"
LOST_RETRY_SECONDS = 2  # after which a client retries when a replica was lost
WARM_UP_TIMEOUT = 600  # seconds
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}  # one core for each replica
QUIET = LoggingConfig(enable_access_log=False, log_level="WARNING")
MODEL_REPLICAS = re.compile(r"([\w.-]+)(?::(\d{1,3})(?:-(\d{1,3}))?)?")


@serve.deployment(health_check_period_s=5, graceful_shutdown_timeout_s=20)
class Replica:
    """One model in one process; requests that arrive at the same moment are read in one pass."""

    def __init__(self, name: str, settings: Settings, batch: int) -> None:
        configure_logs()
        self.name = name
        inner = LocalBackend(settings)
        backend = inner if batch == 1 else BatchedBackend(inner, batch)
        self.responder = LocalResponder(backend, settings if batch == 1 else batch_settings(settings, batch), Metrics())
        self.responder.warm_up(name).result()  # a replica counts only when it can answer

    async def answer(self, question: Mapping[str, Any], client: Sequence[str]) -> tuple[bytes | dict[str, Any], bool]:
        """Return the answer's bytes or an error as JSON, and whether it came from memory.

        Errors are returned, since Ray would log and send what is raised here together with the text.
        """
        timings = Timings()
        request = AttentionRequest(question["model"], question["text"], question["text_b"])
        parsed = ParsedRequest(request, question["full_trace"], question["form"])
        try:
            data = await self.responder.answer(parsed, (client[0], client[1]), timings)
        except AttnvizError as error:
            return {"kind": type(error).__name__, "message": str(error), "retry_after": getattr(error, "retry_after", 0)}, False
        except Exception as error:  # noqa: BLE001  # any bug of ours
            logs.SERVER_LOG.error("fault: %s", error, extra={"fields": {"model": self.name}})
            message = f"The replica of {self.name} with this question failed; the place is in its log. Try again."
            return {"kind": BackendError.__name__, "message": message, "retry_after": 0}, False
        return data, timings.cached


class ReplicaResponder:
    """Hands each question to one of the replicas of its model."""

    def __init__(self, replicas: Mapping[str, DeploymentHandle], settings: Settings) -> None:
        self.replicas, self.settings = replicas, settings
        self._warming = ThreadPoolExecutor(1)

    async def answer(self, parsed: ParsedRequest, client: tuple[str, str], timings: Timings) -> bytes:
        """Return a replica's answer; where the client disconnects, the replica's work is cancelled."""
        response = self._send(parsed, client)
        try:
            data, timings.cached = await asyncio.wait_for(response, self.settings.seconds + 2 * GRACE_SECONDS)
        except TimeoutError as error:
            raise late_error(self.settings) from error
        except BackPressureError as error:
            raise _busy("All replicas of the model are busy") from error
        except (ReplicaUnavailableError, DeploymentUnavailableError, ray.exceptions.RayActorError) as error:
            raise _busy("A replica of the model was lost, and the others are busy") from error
        if isinstance(data, bytes):
            return data
        raise error_from_json(data)

    def _send(self, parsed: ParsedRequest, client: tuple[str, str]) -> Any:
        """Send a question to a replica, and return Ray's response object, which can be awaited."""
        request = parsed.request
        replicas = self.replicas.get(catalog.card(request.model).id)
        if replicas is None:
            raise UnavailableError(f"{request.model} is not served here. Choose one of {', '.join(self.replicas)}.")
        question = {"model": request.model, "text": request.text, "text_b": request.text_b}
        question |= {"full_trace": parsed.full_trace, "form": parsed.form}
        return replicas.answer.remote(question, client)

    def warm_up(self, name: str) -> Future[None]:
        """Return a future that is done once a replica has answered."""

        def read() -> None:
            parsed = ParsedRequest(AttentionRequest(name, WARM_UP_TEXT))
            data, _ = self._send(parsed, ("", "")).result(timeout_s=WARM_UP_TIMEOUT)
            if not isinstance(data, bytes):
                raise error_from_json(data)

        return self._warming.submit(read)

    def close(self) -> None:
        """Stop warming up; replicas end with their deployments."""
        self._warming.shutdown(wait=False, cancel_futures=True)


class DeployedModels:
    """The front's backend: it has the cards of the models, while the models are in the replicas."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)

    def models(self) -> tuple[ModelCard, ...]:
        """Return the catalogue; a model without replicas is listed as not here."""
        return catalog.cards()

    @property
    def capabilities(self) -> Capabilities:
        """Return the models that have replicas."""
        return Capabilities(has_weights=lambda name: name in self.names)

    def attend(self, request: AttentionRequest) -> Trace:
        """Raise BackendError: the responder sends questions to replicas instead."""
        raise BackendError(f"The front holds no models; a replica reads {request.model}. Send the question to /v1/attention.")

    def close(self) -> None:
        """Do nothing: the front has no models."""


@serve.deployment(name="Front", max_ongoing_requests=server.MAX_CONNECTIONS, ray_actor_options={"num_cpus": 0})
@serve.ingress()
class Front:
    """The HTTP service in front of the replicas."""

    def __init__(self, settings: Settings, **replicas: DeploymentHandle) -> None:
        configure_logs()
        self.settings, self.replicas = settings, replicas

    def __serve_build_asgi_app__(self) -> Any:
        """Return the app of `attnviz serve` with another responder."""

        def make_responder(_: Backend, settings: Settings, __: Metrics) -> ReplicaResponder:
            return ReplicaResponder(self.replicas, settings)

        return server.create_app(DeployedModels(self.replicas), self.settings, tuple(self.replicas), make_responder)


def configure_logs() -> None:
    """Have this process of Ray write the JSON lines of `attnviz serve`, and no library in it log a user's text."""
    logs.redact_logs()
    logs.log_json_to_stderr()


def error_from_json(error: Mapping[str, Any]) -> AttnvizError:
    """Return the error that a replica sent."""
    kind = kinds().get(error["kind"], BackendError)
    return kind(error["message"], error["retry_after"]) if issubclass(kind, BusyError) else kind(error["message"])


def _busy(reason: str) -> BusyError:
    """Return the error for a question that no replica can take now."""
    return BusyError(f"{reason}, try again in {LOST_RETRY_SECONDS} s.", LOST_RETRY_SECONDS)


def parse_models(models: str) -> dict[str, tuple[int, int]]:
    """Return the fewest and the most replicas of each model in `minilm:1-4,smollm2:1`; a name alone has one.

    Raises AttnvizError for anything else.
    """
    replicas = {}
    for entry in filter(None, map(str.strip, models.split(","))):
        match = MODEL_REPLICAS.fullmatch(entry)
        if match is None:
            raise AttnvizError(f"--models is like minilm:1-4,smollm2:1; got {entry!r}. Correct it.")
        least = int(match[2] or 1)
        most = int(match[3] or least)
        if not 1 <= least <= most:
            raise AttnvizError(
                f"Replicas are at least 1, and the second number is not below the first; got {entry!r}. Correct it."
            )
        replicas[catalog.card(match[1]).id] = least, most
    if not replicas:
        raise AttnvizError("--models names at least one model, as minilm:1-4. Name one.")
    return replicas


def application(replicas: Mapping[str, tuple[int, int]], settings: Settings, batch: int) -> serve.Application:
    """Return the front and the deployment of each model. A replica is added when each has 1.5 batches in progress."""
    handles = {}
    for name, (least, most) in replicas.items():
        scaling = AutoscalingConfig(
            min_replicas=least, max_replicas=most, target_ongoing_requests=max(2.0, 1.5 * batch),
            upscale_delay_s=5, downscale_delay_s=60,
        )  # fmt: skip
        deployment = Replica.options(
            name=name, autoscaling_config=scaling, max_ongoing_requests=batch_settings(settings, batch).at_once,
            max_queued_requests=settings.waiting, ray_actor_options={"num_cpus": 1, "runtime_env": {"env_vars": ONE_THREAD}},
            logging_config=QUIET,
        )  # fmt: skip
        handles[name] = deployment.bind(name, settings, batch)
    return Front.options(logging_config=QUIET).bind(settings, **handles)


def main() -> int:
    """Serve until the process is stopped, and return the exit code."""
    parser = argparse.ArgumentParser(description="Serves models on a Ray cluster over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument(
        "--models", default="minilm,smollm2", help="names, each with its number of replicas: minilm:1-4,smollm2:1"
    )
    parser.add_argument(
        "--batch", type=int, default=8, choices=range(1, 65), metavar="N", help="texts a pass, 1 to 64 (default: 8)"
    )
    args = parser.parse_args()
    try:
        app = application(parse_models(args.models), Settings.from_env(), args.batch)
    except AttnvizError as error:
        print(error, file=sys.stderr)
        return 2
    local = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
    ray.init(log_to_driver=False, logging_level=logging.WARNING, **local)
    serve.start(http_options=HTTPOptions(host=args.host, port=args.port), logging_config=QUIET)
    serve.run(app, name=NAME, route_prefix="/")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # only now: Ray sets its own handlers when it starts
        signal.signal(number, lambda *_: stop.set())
    print(f"http://{args.host}:{args.port} (Ctrl+C stops it)", flush=True)
    stop.wait()
    serve.shutdown()
    ray.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
