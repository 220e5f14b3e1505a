"""Find heads: links drawn on the sentence, every head ranked by them, and how often the chosen one is right elsewhere."""

from attnviz.pages.find_heads import page

page.show()
