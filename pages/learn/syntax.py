"""Syntax: a sentence's grammar drawn as arcs, gold or parsed, and whom each head looks at, held against it."""

from attnviz.pages.syntax import page

page.show()
