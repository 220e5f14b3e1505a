"""Attention: every head of the model on the reader's text, one of them large, and what it does in numbers and words."""

from attnviz.pages.attention import page

page.show()
