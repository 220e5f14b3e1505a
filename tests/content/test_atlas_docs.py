"""What README.md and docs/atlas.md show of `attnviz atlas`: every printed output is that of the command above it.

`python -m tests.content.test_atlas_docs` prints them again into the documents, after the atlases were rebuilt. A line of
`…` stands for lines that are left out.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from attnviz import cli
from attnviz.linguistics import probe_report
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.reader import Atlas

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "atlas.md")
BLOCK = re.compile(r"^```\n\$ (attnviz atlas .+)\n((?:(?!```).*\n)*)```$", re.M)
SHOWN = [(file.name, *match.groups()) for file in DOCUMENTS for match in BLOCK.finditer(file.read_text("utf-8"))]
PROBES = " ".join((ROOT / "docs" / "atlas.md").read_text("utf-8").partition("## Probes")[2].partition("\n## ")[0].split())


def printed(command: str) -> str:
    """What a command prints to its standard output."""
    output = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(output):
        assert cli.main(shlex.split(command)[1:]) == 0
        output.flush()
        return output.buffer.getvalue().decode() if isinstance(output.buffer, io.BytesIO) else ""


def matches(shown: str, whole: str) -> bool:
    """Whether lines are the whole output, a line of `…` standing for any lines."""
    parts = [re.escape(part) for part in re.split(r"^…\n", shown, flags=re.M)]
    return re.fullmatch("(?:.*\n)*".join(parts), whole) is not None


@pytest.mark.parametrize(("document", "command", "shown"), SHOWN, ids=[f"{name}: {command}" for name, command, _ in SHOWN])
def test_what_a_document_shows_is_what_the_command_prints(document: str, command: str, shown: str):
    whole = printed(command)
    assert matches(shown, whole), f"{document}, {command}: print it again with python -m tests.content.test_atlas_docs\n{whole}"


def test_both_documents_show_every_action():
    assert {name for name, _, _ in SHOWN} == {"README.md", "atlas.md"}
    assert {command.split()[2] for _, command, _ in SHOWN} == {"show", "top", "compare"}


def known(model: str) -> Atlas:
    found = reader.shipped(model)
    assert found is not None
    return found


def test_the_figures_on_the_probes_are_those_of_the_atlases():
    decoder, encoder = (probe_report.result(known(model), "induction") for model in ("smollm2", "minilm"))
    heads = ", ".join(map(str, decoder.earned[:-1])) + f" and {decoder.earned[-1]} as induction heads"
    scores = f"({decoder.at(decoder.head):.3f} for the first, against {decoder.uniform:.3f} for uniform attention)"
    assert f"smollm2 has {heads} {scores}" in PROBES
    assert f"its best head scores {encoder.at(encoder.head):.3f}, uniform attention {encoder.uniform:.3f}" in PROBES
    for model in ("minilm", "smollm2"):
        facts = known(model).header.probes
        assert facts is not None
        assert f"{facts.drawn_from:,} of {model}'s" in PROBES
        assert (facts.sequences, facts.length) == ((16, 16), 50)


def test_the_old_habit_of_that_name_goes_with_the_previous_token_and_not_with_induction():
    habit = known("smollm2").habit("after-repeated").values
    rank = {
        one.key: float(spearmanr(one.scores.values, habit, axis=None).statistic)
        for one in probe_report.results(known("smollm2"))
    }
    assert abs(rank["induction"]) < 0.1
    assert rank["previous-token"] > 0.4
    expected = f"a rank correlation of {rank['induction']:+.2f} with the habit `after-repeated`, which has one of "
    expected += f"{rank['previous-token']:+.2f} with the previous-token probe"
    assert expected.replace("-0", "−0") in PROBES


def rewrite() -> None:
    """Writes what the commands print now into the documents; where lines were left out, the first and the last ones stay."""
    for file in DOCUMENTS:

        def put(match: re.Match[str]) -> str:
            whole = printed(match[1])
            lines = whole.splitlines(keepends=True)
            short = "".join([*lines[:3], "…\n", lines[-1]]) if "…\n" in match[2] else whole
            return f"```\n$ {match[1]}\n{short}```"

        file.write_text(BLOCK.sub(put, file.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    rewrite()
    sys.stdout.write("Written again.\n")
