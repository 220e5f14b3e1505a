"""Attention: every head of the model on the reader's text, one of them large, and what it does in numbers and words."""

from attnviz.ui import blocks, head, state
from attnviz.ui.canvas import canvas

selection = state.current()
trace = blocks.attended(selection)
if trace is not None:
    blocks.aside(trace.note)
    canvas(trace)
    head.fields(trace)
    head.heatmaps(trace)
    head.more(trace)
