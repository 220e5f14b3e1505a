"""Inside attention: one head on one token, step by step, from the word to what is passed on, with the model's own numbers."""

from attnviz.ui import blocks, inside, state

trace = blocks.attended(state.current())
one = inside.walked_through(trace) if trace is not None else None
if one is not None:
    inside.show(one)
