"""Who has the last word: the address, or what the reader has just chosen."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def page() -> None:
    """A page that shows which special tokens are hidden, has a button to hide them, and may be cut short."""
    from dataclasses import replace

    import streamlit as st

    from attnviz.ui import state

    def hide() -> None:
        state.change(options=replace(state.current().options, special="hide"))

    state.read_url()
    st.button("Hide", on_click=hide)
    st.button("Nothing")
    st.text(state.current().options.special)
    if not st.session_state.get("cut"):
        state.write_url()


def opened(*, cut: bool = False) -> AppTest:
    """The page, opened by a link."""
    app = AppTest.from_function(page)
    app.query_params["special"] = "renormalise"
    app.session_state["cut"] = cut
    return app.run()


def test_a_choice_stands_though_the_run_before_was_cut_short():
    app = opened(cut=True)
    assert app.text[0].value == "renormalise"
    app.button[0].click().run()
    assert app.text[0].value == "hide"
    app.button[1].click().run()
    assert app.text[0].value == "hide"


def test_a_choice_stands_though_the_browser_sends_the_address_of_a_moment_ago():
    app = opened()
    app.button[0].click().run()
    app.query_params["special"] = "show"  # any that is not the last one written
    app.button[0].click().run()
    assert app.text[0].value == "hide"


def test_an_address_that_comes_alone_is_followed():
    app = opened()
    app.button[0].click().run()
    app.query_params["special"] = "show"
    app.run()
    assert app.text[0].value == "show"
