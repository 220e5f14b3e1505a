"""What it costs: time and memory against length, measured while one watches, tile by tile, and on paper for a long text."""

from attnviz.pages.cost import page

page.show()
