"""The lines from a pronoun to its candidates: thickness, dashes, and hit or miss by sign and word."""

from __future__ import annotations

import base64
import re

import pytest

from attnviz.pages.coreference.fork_figure import THICKEST, THINNEST, Branch, description, fork

BOTH = (Branch("animal", 0.64, right=True), Branch("street", 0.1))


def lines(page: str) -> list[str]:
    """The lines of the picture, each as it is written."""
    (source,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', page)
    return re.findall("<path[^>]*>", base64.b64decode(source).decode())


def test_a_line_grows_with_its_weight_from_the_thinnest_to_the_thickest():
    page = fork("it", (Branch("a", 0.0), Branch("b", 0.5), Branch("c", 1.0)), "light")
    widths = [float(width) for line in lines(page) for width in re.findall(r'stroke-width="([\d.]+)"', line)]
    assert widths == [THINNEST, (THINNEST + THICKEST) / 2, THICKEST]


def test_only_the_right_candidate_has_a_solid_line_and_the_verdict():
    page = fork("it", BOTH, "dark", True)
    assert ["stroke-dasharray" in line for line in lines(page)] == [False, True]
    assert page.count("✓ hit") == 1
    assert "✗" not in page
    assert page.index("✓ hit") < page.index("street<")


def test_a_miss_is_shown_by_sign_word_and_edge():
    hit, miss = (fork("it", BOTH, "light", verdict) for verdict in (True, False))
    assert "✗ miss" in miss
    assert "solid #" in hit.split("✓ hit")[0].rsplit("border", 2)[1]
    assert "dashed #" in miss.split("✗ miss")[0].rsplit("border", 2)[1]


@pytest.mark.parametrize("branches", [BOTH, (Branch("a", 0.2), Branch("b", 0.3))])
def test_without_a_verdict_there_is_no_hit_and_no_miss(branches: tuple[Branch, ...]):
    page = fork("she", branches, "light", None)
    assert not re.search(r"[✓✗]|\b(hit|miss)\b", page)


def test_a_candidate_that_comes_too_late_has_no_weight():
    page = fork("it", (Branch("tram", 0.0, right=True, late=True), Branch("hill", 0.0, late=True)), "light")
    assert "0.000" not in page
    assert page.count(">too late to be seen<") == 2


def test_the_whole_picture_is_described_in_words():
    assert description("it", BOTH, False) == "it: animal 0.640, the right one, miss; street 0.100"
    assert description("she", (Branch("a", 0.5), Branch("b", 0.25)), None) == "she: a 0.500; b 0.250"
    assert 'aria-label="it: animal 0.640, the right one, hit; street 0.100"' in fork("it", BOTH, "light", True)


def test_a_word_of_several_pieces_shows_the_largest_beside_the_sum():
    both = (Branch("Mehmet", 0.39, peak=0.21), Branch("Fatima", 0.33, peak=0.33, right=True))
    page = fork("she", both, "light", True)
    assert page.count(">largest piece 0.210<") == 1
    assert "largest piece 0.330" not in page  # it is the sum
    assert description("she", both, True) == "she: Mehmet 0.390 (largest piece 0.210); Fatima 0.330, the right one, hit"


def test_words_of_the_reader_are_never_markup():
    page = fork('<i>"', (Branch('<img src="x">', 0.1), Branch("b", 0.2)), "light")
    assert page.count("<img") == 1  # the lines
    assert "<i>" not in page
    assert 'aria-label="&lt;i&gt;&quot;: ' in page
