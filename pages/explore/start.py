"""Start: what attnviz shows, on one live sentence; a field for one's own, and doors by what one wants."""

from attnviz.pages.start import page

page.show()
