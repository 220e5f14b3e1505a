"""Coreference: whom does the pronoun mean? Every head of the model ranked by how it divides its attention."""

from attnviz.pages.coreference import page

page.show()
