"""One mechanism, many places: across two texts, in other media, beside other mechanisms, and four myths with live numbers."""

from attnviz.ui import blocks, places, state

selection = state.current()
trace = blocks.attended(selection)
if trace is not None:
    places.show(trace)
