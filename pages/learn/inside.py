"""Inside attention: one head on one token, step by step, from the word to what is passed on, with the model's own numbers."""

from attnviz.pages.inside import page

page.show()
