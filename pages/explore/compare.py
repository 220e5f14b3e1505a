"""Compare: any heads side by side, of any layers, models and sentences, with their difference, sum or mean."""

from attnviz.pages.compare import page

page.show()
