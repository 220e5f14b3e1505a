"""Compare: any heads side by side, of any layers, models and sentences, with their difference, sum or mean."""

from attnviz.ui import compare, state

found = compare.gathered(state.current())
compare.table(found)
