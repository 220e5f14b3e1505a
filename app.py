"""attnviz: type a sentence, and see every attention head of a real model. Run with `streamlit run app.py`."""

from attnviz.ui import blocks, frame, state

page = frame.page()
with blocks.told():
    frame.ask()
    page.run()
state.write_url()
