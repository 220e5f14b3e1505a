"""attnviz: type a sentence, and see every attention head of a real model. Run with `streamlit run app.py`."""

from attnviz.ui import start

page = start.page()
start.wake()

from attnviz.ui import blocks, frame, state  # noqa: E402  # they need the engine, and the reader is told while it comes

with blocks.told():
    frame.ask()
    page.run()
state.write_url()
