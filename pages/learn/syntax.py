"""Syntax: a sentence's grammar drawn as arcs, gold or parsed, and whom each head looks at, held against it."""

from attnviz.ui import alone, blocks, state, syntax, syntax_edit, syntax_table

selection = alone.read(state.current())
syntax.title()
trace = blocks.attended(selection)
shown = syntax.fields(trace) if trace is not None else None
if shown is not None and trace is not None:
    found = syntax.outcomes(shown, trace)
    syntax.picture(shown, found)
    syntax_edit.editor(shown)
    syntax_table.table(shown, found, trace)
    syntax_table.cautions(shown, trace.causal)
