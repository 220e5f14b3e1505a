"""Coreference: whom does the pronoun mean? Every head of the model ranked by how it divides its attention."""

from attnviz.ui import blocks, coreference, state

question = coreference.question(state.current().request)
trace = blocks.attended(state.current()) if question else None
if question and trace is not None:
    coreference.sentences(question, trace)
    coreference.ranking(question, trace)
    coreference.cautions(question, trace)
