"""Syntax: a sentence's grammar drawn as arcs, gold or parsed, with where each head looks."""

from attnviz.pages.syntax import page

page.show()
