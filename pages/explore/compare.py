"""Compare: any heads side by side, of any layers, models and sentences, with their difference, sum or mean."""

from attnviz.ui import compare, sets, state

sets.sets()
found = compare.gathered(state.current())
compare.panels_(found)
compare.table(found)
compare.downloads(found)
