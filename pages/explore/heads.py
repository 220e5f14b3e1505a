"""Find heads: links drawn on the sentence, every head ranked by them, and how often the chosen one is right on other texts."""

from attnviz.pages.find_heads import page

page.show()
