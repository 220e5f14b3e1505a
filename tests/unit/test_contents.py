"""The contents of a page: links to its parts and to what is in them, as text of ours only."""

from __future__ import annotations

from attnviz.ui import contents


def test_parts_and_their_entries_are_links_to_anchors_and_names_are_text():
    found = contents.html([contents.PagePart("A & B", "ab"), contents.PagePart("C", "c-d", (("<i>One</i>", "one"),))])
    assert found == (
        '<nav class="contents" aria-label="On this page"><ul><li><a href="#ab">A &amp; B</a></li>'
        '<li class="letter"><a href="#c-d">C</a><ul><li><a href="#one">&lt;i&gt;One&lt;/i&gt;</a></li></ul></li></ul></nav>'
    )
