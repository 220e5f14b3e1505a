"""Coreference: whom does the pronoun mean? Every head of the model ranked by how it divides its attention."""

from attnviz.ui import alone, blocks, coreference, state

selection = alone.read(state.current())
coreference.title()
trace = blocks.attended(selection)
question = coreference.question(selection.request, trace) if trace is not None else None
if question and trace is not None:
    coreference.show(question, trace)
