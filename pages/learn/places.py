"""One mechanism, many places: across two texts, in other media, beside other mechanisms, and four myths with live numbers."""

from attnviz.pages.places import page

page.show()
