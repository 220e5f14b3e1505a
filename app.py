"""attnviz: type a sentence, and see every attention head of a real model. Run with `streamlit run app.py`.

The server imports this file once, for `app`; each run of a reader executes it again, as the main script.
"""

import streamlit as st

if __name__ == "__main__":
    from attnviz.ui import shell
    from attnviz.web import navigation

    page = shell.page()
    shell.load_engine()

    from attnviz.ui import (
        input_bar,
        page_url,
        paper,
        retry,
        widgets,
    )  # they need the engine, which load_engine imports with a message

    with retry.retry_failed(), widgets.errors_shown():
        address = page.url_path
        input_bar.show(address, visible=address != navigation.START, examples=address not in input_bar.OWN_LISTS)
        page.run()
    page_url.write()
    paper.facts(page.url_path or navigation.DEFAULT)
else:
    from attnviz.ui import start_up
    from attnviz.web import middleware

    app = st.App(__file__, middleware=middleware.middleware(), lifespan=start_up.lifespan)
