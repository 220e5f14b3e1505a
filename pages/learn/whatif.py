"""What if: one thing done otherwise in the forward pass, and the same text before and after."""

from attnviz.pages.whatif import page

page.show()
