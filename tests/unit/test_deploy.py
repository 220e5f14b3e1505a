"""The files for deployment fit the code: compose.yaml, Dockerfile, Makefile and docs/deploy.md."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from attnviz.cli import serve
from attnviz.server import app as server
from attnviz.settings import Settings
from tests.servers import FakeBackend

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef"


def compose() -> dict:
    """Return compose.yaml with a value for the key."""
    text = re.sub(r"\$\{ATTNVIZ_KEY:\?[^}]*\}", KEY, (ROOT / "compose.yaml").read_text())
    assert "${" not in text
    return yaml.safe_load(text)


def image() -> dict[str, list[str]]:
    """Return the lines of the Dockerfile by their instruction."""
    lines: dict[str, list[str]] = {}
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if found := re.match(r"([A-Z]+) (.*)", line):
            lines.setdefault(found[1], []).append(found[2])
    return lines


@pytest.fixture(scope="module")
def services() -> dict:
    return compose()["services"]


def test_pages_and_backend_run_the_image_that_is_built_here(services: dict):
    assert set(services) == {"app", "backend"}
    assert {service["image"] for service in services.values()} == {"attnviz"}
    assert services["backend"]["build"] == "."


def test_the_command_of_the_backend_is_valid(services: dict):
    python, module, name, *options = services["backend"]["command"]
    assert (python, module, name) == ("python", "-m", "attnviz")
    parser = argparse.ArgumentParser()
    serve.add(parser.add_subparsers())

    chosen = parser.parse_args(options)

    assert (chosen.host, chosen.port, chosen.warm) == ("0.0.0.0", 8600, "minilm,smollm2")
    assert str(chosen.port) in image()["EXPOSE"][0].split()


def test_the_pages_use_the_address_of_the_backend_and_wait_for_it(services: dict):
    url = urlsplit(services["app"]["environment"]["ATTNVIZ_BACKEND"])
    assert (url.hostname, url.port) == ("backend", 8600)
    assert services["app"]["depends_on"] == {"backend": {"condition": "service_healthy"}}
    (checked,) = re.findall(r"http://127\.0\.0\.1:8600(/\w+)", " ".join(services["backend"]["healthcheck"]["test"]))
    assert checked == "/readyz"
    assert checked in {route.path for route in server.create_app(FakeBackend(), Settings()).routes}


def test_every_setting_exists_and_both_services_have_the_key(services: dict):
    source = (ROOT / "attnviz" / "settings.py").read_text()
    for service in services.values():
        assert not [name for name in service["environment"] if f'"{name}"' not in source]
        assert Settings.from_env(service["environment"]).key == KEY


def test_only_the_pages_are_reachable_from_outside(services: dict):
    assert "ports" not in services["backend"]
    assert services["backend"]["networks"] == ["inside"]
    assert compose()["networks"]["inside"] == {"internal": True}
    (published,) = services["app"]["ports"]
    outer, inner = published.split(":")
    assert inner in image()["EXPOSE"][0].split()
    assert json.loads(image()["CMD"][0])[-2:] == ["--port", inner]
    assert outer == inner


def test_the_image_serves_models_too():
    header = (ROOT / "Dockerfile").read_text()
    (line,) = re.findall(r"docker run -p 8600:8600 --no-healthcheck attnviz python -m attnviz (.*)", header)
    parser = argparse.ArgumentParser()
    serve.add(parser.add_subparsers())
    assert parser.parse_args(line.split()).host == "0.0.0.0"


def test_make_installs_ray_and_serves_with_it():
    made = subprocess.run(["make", "--dry-run", "serve-ray"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pip install -r requirements-ray.txt -c constraints.txt" in re.sub(r"pip --\S+", "pip", made.stdout)
    assert "deploy/ray_app.py --models minilm:1-2,smollm2:1" in made.stdout


def test_everything_that_the_instructions_name_exists():
    text = (ROOT / "docs" / "deploy.md").read_text()
    links = [ROOT / "docs" / link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    named = [ROOT / name for name in re.findall(r"`(?:python )?([\w/]+\.(?:py|conf|yaml))", text)]
    assert len(links) >= 3
    assert len(named) >= 6
    assert not [str(path) for path in (*links, *named) if not path.exists()]
    makefile = (ROOT / "Makefile").read_text()
    assert not [target for target in re.findall(r"^make ([\w-]+)", text, re.M) if f"\n{target}:" not in makefile]
    source = (ROOT / "attnviz" / "settings.py").read_text()
    assert not [name for name in re.findall(r"ATTNVIZ_\w+", text) if f'"{name}"' not in source]
