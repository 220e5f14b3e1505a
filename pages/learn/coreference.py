"""Coreference: what does the pronoun refer to? Every head ranked by how it divides its attention."""

from attnviz.pages.coreference import page

page.show()
