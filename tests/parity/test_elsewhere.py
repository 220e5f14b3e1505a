"""Leads on texts beside the atlas, counted again where their file is at hand: ewt-test.conllu in the folder of the corpora."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from attnviz.analysis import statistics
from attnviz.linguistics import claims, external_results
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.build import build
from attnviz.linguistics.atlas.chunks import CorpusFiles
from attnviz.linguistics.atlas.workers import InProcessPool, load_measurer
from attnviz.linguistics.fixed_rules import ERROR, paired_differences
from attnviz.models import catalog
from attnviz.settings import Settings


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("corpus", external_results.corpora("minilm"), ids=lambda corpus: corpus.file)
def test_leads_on_other_texts_are_those_of_the_heads_that_the_atlas_chose(
    corpus: external_results.ExternalCorpus, corpora: Path, tmp_path: Path
):
    file = corpora / corpus.file
    if not file.is_file():
        pytest.skip(f"{corpus.file} is not in the folder of the corpora")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == corpus.sha256
    card, known = catalog.card(corpus.model), reader.shipped(corpus.model)
    assert known is not None
    build(
        card, InProcessPool(load_measurer(card, Settings.from_env())), [CorpusFiles.of("conllu", [file])],
        tmp_path / "other.npz",
        lambda line: None, lambda line: None,
    )  # fmt: skip
    other = reader.read(tmp_path / "other.npz")
    assert (other.header.corpora[0].texts, other.header.corpora[0].used) == (corpus.texts, corpus.used)
    counted = {}
    for one in claims.leads(known):
        for way in ("dh", "hd"):
            best, found = claims.best_head(known, one.relation, way), claims.hits(other, one.relation, way)
            if not one.significant and best is not None and len(found) >= claims.ENOUGH:
                counted[one.relation, way] = best.head, found, paired_differences(found, best.offset)
    assert len(counted) == corpus.tests
    corrected = statistics.holm(np.array([pair.chances[head.layer, head.head] for head, _, pair in counted.values()]))
    shown = {key: p for key, p in zip(counted, corrected.tolist(), strict=True) if p < ERROR}
    assert {relation for relation, _ in shown} == {lead.relation for lead in corpus.leads}
    for lead in corpus.leads:
        head, found, pair = counted[lead.relation, lead.direction]
        assert (head, len(found)) == (lead.head, lead.n)
        assert found.counts[head.layer, head.head] == lead.hits
        assert pair.lead((head.layer, head.head)) == pytest.approx((lead.points, *lead.interval), abs=0.06)
        assert shown[lead.relation, lead.direction] == pytest.approx(lead.p, rel=0.2)
