"""Find heads: links drawn on the sentence, and every head of the model ranked by how much it follows them."""

from attnviz.ui import blocks, heads, state

selection = heads.read(state.current())
trace = blocks.attended(selection)
if trace is not None:
    heads.sentence(trace)
    heads.ranking(trace)
