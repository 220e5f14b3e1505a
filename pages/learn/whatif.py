"""Experiments: change one thing in the forward pass, and compare the same text before and after."""

from attnviz.pages.whatif import page

page.show()
