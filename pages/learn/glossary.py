"""Glossary: every term under an anchor of its own, with its formula and sources, and short answers to what learners ask."""

from attnviz.ui import blocks, glossary, state

blocks.notices(state.notices())
first = glossary.asked()
query = glossary.title(first)
glossary.questions(query)
glossary.entries(query, first)
