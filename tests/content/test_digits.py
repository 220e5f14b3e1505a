"""One quantity has the same digits wherever it is written: pages, the board's two languages, rankings, files and commands."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attnviz import board, export
from attnviz.analysis import head_profile, head_roles, link_ranking, link_rows, specificity, view
from attnviz.board import ranking as board_ranking
from attnviz.engine.trace import Trace
from attnviz.export import html
from attnviz.figures import encoding, heatmap, provenance
from attnviz.models import catalog
from attnviz.pages.coreference import analysis as antecedents
from attnviz.pages.inside import view as inside
from attnviz.types import AttentionRequest, HeadRef, Link, Pattern
from attnviz.view_state import ViewOptions
from tests.unit.test_board_frame import node

pytestmark = pytest.mark.slow  # both models are loaded, and every head's weights are read in both languages

TEXTS = (
    "The animal didn't cross the street because it was too tired",
    "The animal didn't cross the street because it was too tired.",
    "Grandmother's snowmobile overtook the unimaginably slow hovercrafts, didn't it?",
    "The dog chased the cat in the garden",
)
MODELS = ("minilm", "smollm2")
EVERY = pytest.mark.parametrize(("model", "text"), [(model, text) for model in MODELS for text in TEXTS])
BOARD = Path(board.__file__).parent
READS = """
import {{ readFileSync }} from "node:fs";
import {{ addSheet, decode, makeBook }} from "{here}/js/core/frame.js";
import {{ inflated }} from "{here}/js/core/store.js";
import {{ patternOf }} from "{here}/js/core/pattern.js";
import {{ profileOf, written }} from "{here}/js/draw/headProfile.js";
import {{ sinkSentence, sinkOf }} from "{here}/js/draw/head.js";
import {{ percent, threeDigits }} from "{here}/js/core/encoding.js";
const book = makeBook(decode(await inflated(new Uint8Array(readFileSync("{folder}/frame.bin")))));
const out = [];
for (const [layer, head] of {heads}) {{
  if ({sheets}) addSheet(book, decode(readFileSync(`{folder}/${{layer}}.${{head}}.bin`)));
  const pattern = patternOf(book, layer, head, {{ words: {words}, special: "{special}" }});
  const weights = Array.from(pattern.weights);
  const profile = profileOf(pattern);
  const sink = sinkOf(pattern);
  out.push({{ three: weights.map(threeDigits), percent: weights.map((w) => percent(w)),
    profile: profile.shares.map(([label], at) => [label, written(profile, at)]), rows: profile.rows,
    entropy: `${{profile.entropy.toFixed(1)}} of at most ${{profile.most.toFixed(1)}}`,
    sink: sink ? sinkSentence(pattern, sink) : "" }});
}}
console.log(JSON.stringify(out));
"""


def some(trace: Trace) -> list[HeadRef]:
    """A dozen heads of all layers."""
    heads = [HeadRef(layer, head) for layer in range(trace.layers) for head in range(trace.heads)]
    return heads[:: len(heads) // 12]


def in_javascript(trace: Trace, options: ViewOptions, folder: Path, *, sheets: bool) -> list[dict]:
    """What the board writes: from the sheets of a page, or, of a page that is saved, from its frame alone."""
    data = board.frame(trace, name="m", exact=not sheets)
    (folder / "frame.bin").write_bytes(data)
    heads = some(trace)
    for head in heads:
        (folder / f"{head.layer}.{head.head}.bin").write_bytes(board.sheet(trace, head, data) or b"")
    script = folder / "read.mjs"
    listed = json.dumps([[head.layer, head.head] for head in heads])
    flags = {"words": json.dumps(options.words), "special": options.special, "sheets": json.dumps(sheets)}
    script.write_text(READS.format(here=BOARD.as_posix(), folder=folder.as_posix(), heads=listed, **flags))
    done = subprocess.run([node(), str(script)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@EVERY
@pytest.mark.parametrize("special", ["show", "hide", "renormalise"])
@pytest.mark.parametrize("sheets", [True, False], ids=["page", "saved"])
def test_the_board_writes_what_python_writes(model: str, text: str, special: str, sheets: bool, backend, tmp_path: Path):
    trace, options = backend.attend(AttentionRequest(model, text)), ViewOptions(True, special)
    for head, theirs in zip(some(trace), in_javascript(trace, options, tmp_path, sheets=sheets), strict=True):
        ours = view.pattern(trace, head, options)
        weights = ours.weights.ravel().tolist()
        assert theirs["three"] == [encoding.three(w) for w in weights], head
        assert theirs["percent"] == [encoding.percent(w) for w in weights], head
        facts, note = head_profile.profile(ours), head_roles.sink(ours)
        assert theirs["profile"] == [[look.label, look.share_text] for look in facts.lines], head
        assert theirs["rows"] == facts.rows
        assert theirs["entropy"] in facts.spread
        message = "" if note is None else note.sentence
        assert theirs["sink"] == message.removesuffix("sink”)."), head


def cells(trace: Trace) -> Iterator[tuple[Link, int, int]]:
    """Links between words of the text, with their places in a pattern by words."""
    pattern = view.pattern(trace, HeadRef(0, 0), ViewOptions())
    words = [(at, unit) for at, unit in enumerate(pattern.query_units) if not unit.special]
    for at, query in words[::2]:
        for key_at, key in words[:at:3]:
            yield Link((query.start, query.end), (key.start, key.end)), at, key_at


@EVERY
def test_a_link_has_the_same_digits_in_rankings_looks_coreference_and_patterns(model: str, text: str, backend):
    trace = backend.attend(AttentionRequest(model, text))
    shown = [view.patterns(trace, ViewOptions())]
    by_layer = [list(layer) for layer in shown[0]]
    for link, query, key in cells(trace):
        ranking = link_ranking.rank_heads(trace, [link])
        data = board_ranking.to_json(
            ranking, [trace.heads] * trace.layers, HeadRef(0, 0), link_rows.link_rows(trace, HeadRef(0, 0), [link])
        )
        other = next(unit for unit in by_layer[0][0].key_units if not unit.special and unit.start != link.target[0])
        division = link_ranking.candidate_shares(trace, link.source, [link.target, (other.start, other.end)])
        alone = antecedents.antecedents(trace, link.source, [link.target, (other.start, other.end)])
        single = len(by_layer[0][0].key_units[key].tokens) == 1
        for one in ranking:
            want = encoding.three(by_layer[one.layer][one.head].weights[query, key])
            where = f"{model} L{one.layer}·H{one.head} {link}"
            assert encoding.three(one.weight) == want, where
            assert encoding.three(data["weights"][one.layer][one.head]) == want, where
            assert encoding.three(division.values[one.layer, one.head, 0]) == want, where
            others = specificity.of_cell(by_layer[one.layer][one.head], query, key)
            assert (one.others is None) == (int(others.n) == 0), where
            assert one.others is None or encoding.three(one.others) == encoding.three(float(others.mean)), where
            assert one.everywhere == bool(others.everywhere), where
            if single:
                assert encoding.three(alone.peaks[one.layer, one.head, 0]) == want, where
        target = next(place for place in data["rows"][0]["places"] if place["kind"] == "target")
        assert encoding.three(target["weight"]) == encoding.three(by_layer[0][0].weights[query, key])


@EVERY
def test_files_and_sentences_have_the_digits_of_the_page(model: str, text: str, backend):
    trace, card = backend.attend(AttentionRequest(model, text)), catalog.card(model)
    for head in some(trace):
        pattern = view.pattern(trace, head, ViewOptions())
        item = export.ExportItem(trace, pattern, provenance.provenance(card, trace, head, ViewOptions()))
        want = [[encoding.three(w) for w in row] for row in pattern.weights]
        document = json.loads(export.exported("json", item))
        assert [[encoding.three(np.float32(w)) for w in row] for row in document["weights"]] == want
        facts, role = head_profile.profile(pattern), head_roles.role(pattern)
        assert [one["percent"] for one in document["profile"]["places"]] == [look.percent for look in facts.lines]
        assert sum(one["percent"] for one in document["profile"]["places"]) == 100
        assert document["role"]["sentence"] == role.sentence
        lines = [line for line in export.exported("csv", item).decode().splitlines() if not line.startswith("#")]
        rows = list(csv.reader(io.StringIO("\n".join(lines))))[1:]
        assert [[encoding.three(np.float32(w)) for w in row[1:]] for row in rows] == want
        table = re.findall(r"<td>(\d\.\d{3})</td>", html.beneath(pattern, item.source))
        assert table == [cell for row in want for cell in row]
        strongest = [max(row) for row in want]
        assert re.findall(r", (\d\.\d{3})", heatmap.description(pattern, str(head))) == strongest
        for at in range(len(want)):
            assert f"({encoding.three(pattern.weights[at].max())})" in head_roles.as_text(pattern, at)
        assert _percents(role.sentence) <= {look.share_text for look in facts.lines} | _others(pattern, facts)


def _percents(sentence: str) -> set[str]:
    """The shares that a sentence names, but those of uniform attention, of one word, and of twins."""
    plain = re.sub(r"\([^)]* if spread evenly\)|look first at “.*?%\.|Where a word stands more than once.*", "", sentence)
    return set(re.findall(r"\d+\u202f%", plain))


def _others(pattern: Pattern, facts: head_profile.HeadProfile) -> set[str]:
    """The share of one word, or of the same word elsewhere: no line of the profile."""
    role = head_roles.role(pattern)
    return {role.share_text} if role.kind in ("same", "word") else set()


@EVERY
def test_inside_attention_has_the_weights_of_the_other_pages(model: str, text: str, backend):
    request = AttentionRequest(model, text)
    trace = backend.attend(request)
    for head in some(trace):
        one = backend.step_trace(request, head)
        shown = inside.with_trace_weights(one, trace.weights(head.layer, head.head))
        assert np.array_equal(shown.weights, trace.weights(head.layer, head.head))
        other = replace(one, weights=np.roll(one.weights, 1, 0))
        assert inside.with_trace_weights(other, trace.weights(head.layer, head.head)) is other


@EVERY
def test_weights_have_the_same_bits_by_every_way(model: str, text: str, backend):
    block = backend.attend(AttentionRequest(model, text)).parts[0]
    places = range(len(block.queries))
    whole, alone = block.rows(places), [block.rows([at]) for at in places]
    for layer in range(block.layers):
        weights = block.weights(layer)
        assert np.array_equal(whole[layer], weights)
        assert np.array_equal(np.stack([rows[layer][:, 0] for rows in alone], 1), weights)
        assert np.array_equal(np.stack([block.weights(layer, head) for head in range(block.heads)]), weights)


def test_two_heads_that_two_pages_wrote_with_other_digits(backend):
    # 0.249541 and 0.232499: to four digits and then to three they would be 0.249 and 0.233.
    trace = backend.attend(AttentionRequest("minilm", TEXTS[0]))
    link = Link((43, 45), (4, 10))
    ranking = link_ranking.rank_heads(trace, [link])
    data = board_ranking.to_json(ranking, [12] * 6, HeadRef(5, 3), link_rows.link_rows(trace, HeadRef(5, 3), [link]))
    assert encoding.three(data["weights"][5][3]) == encoding.three(trace.weights(5, 3)[_at(trace, "it"), _at(trace, "animal")])
    assert (encoding.three(data["weights"][5][3]), encoding.three(data["weights"][4][4])) == ("0.250", "0.232")
    assert encoding.three(data["summary"]["weight"]) == "0.250"


def _at(trace: Trace, word: str) -> int:
    """The place of a word of one token."""
    return next(at for at, token in enumerate(trace.tokens) if token.text == word)
