"""Find heads: links drawn on the sentence, every head ranked by them, and how often the chosen one is right elsewhere."""

from attnviz.ui import alone, blocks, heads, headsclaim, headsfill, headshabits, headsprobes, state

selection = alone.read(state.current())
trace = blocks.attended(selection)
if trace is not None:
    heads.sentence(trace)
    headsfill.fill(trace)
    heads.ranking(trace)
    known = headsclaim.tester(trace)
    if known is not None:
        headshabits.habits(known)
        headsprobes.probes(known)
