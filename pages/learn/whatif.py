"""What if: one thing done otherwise in the forward pass, and the same text before and after."""

from attnviz.ui import blocks, state, whatif

trace = blocks.attended(state.current())
if trace is not None:
    whatif.show(trace)
