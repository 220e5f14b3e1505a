"""The cost page: time and memory against text length, measured live, then tile by tile, then computed for a long text."""

from attnviz.pages.cost import page

page.show()
