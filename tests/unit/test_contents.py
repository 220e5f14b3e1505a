"""The contents of a page as HTML."""

from __future__ import annotations

from attnviz.ui import contents


def test_contents_are_links_to_anchors_and_titles_stay_text():
    page = contents.html([contents.Entry("tiles", "In tiles"), contents.Entry("a&b", "<b>", sub=True)])
    assert '<li><a href="#tiles">In tiles</a></li>' in page
    assert '<li class=sub><a href="#a&amp;b">&lt;b&gt;</a></li>' in page
    assert 'aria-label="On this page"' in page
