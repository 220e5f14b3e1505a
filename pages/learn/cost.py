"""What it costs: time and memory against length, measured while one watches, tile by tile, and on paper for a long text."""

from attnviz.ui import blocks, cost, state

selection = state.current()
trace = blocks.attended(selection)
if trace is not None:
    cost.show(trace)
