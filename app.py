"""attnviz: type a sentence, and see every attention head of a real model. Run with `streamlit run app.py`.

The server imports this file once, and finds itself in it; for each reader's run it is executed anew, as the main script.
"""

import streamlit as st

if __name__ == "__main__":
    from attnviz.ui import start

    page = start.page()
    start.wake()

    from attnviz.ui import again, blocks, frame, state  # they need the engine, and the reader is told while it comes

    with again.watched(), blocks.told():
        frame.ask()
        page.run()
    state.write_url()
else:
    from attnviz import asgi

    app = st.App(__file__, middleware=asgi.middleware())
