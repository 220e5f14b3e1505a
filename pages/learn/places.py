"""The page Beyond text: two texts, other media, other mechanisms, and four myths with live numbers."""

from attnviz.pages.places import page

page.show()
