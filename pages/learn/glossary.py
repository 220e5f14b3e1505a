"""Glossary: every term under an anchor of its own, with its formula and sources, and short answers to what learners ask."""

from attnviz.pages.glossary import page

page.show()
