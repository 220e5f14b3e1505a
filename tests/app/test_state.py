"""Who has the last word: the address, or what the reader has just chosen."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from attnviz.ui import widget_values


def page() -> None:
    """A page that shows which special tokens are hidden, has a button to hide them, and may be cut short."""
    from dataclasses import replace

    import streamlit as st

    from attnviz.ui import page_url, state

    def hide() -> None:
        state.change(options=replace(state.current().options, special="hide"))

    page_url.read()
    st.button("Hide", on_click=hide)
    st.button("Nothing")
    st.text(state.current().options.special)
    if not st.session_state.get("cut"):
        page_url.write()


def opened(*, cut: bool = False) -> AppTest:
    """The page, opened by a link."""
    app = AppTest.from_function(page)
    app.query_params["special"] = "renormalise"
    app.session_state["cut"] = cut
    return app.run()


def test_a_choice_is_kept_although_the_run_before_was_interrupted():
    app = opened(cut=True)
    assert app.text[0].value == "renormalise"
    app.button[0].click().run()
    assert app.text[0].value == "hide"
    app.button[1].click().run()
    assert app.text[0].value == "hide"


def test_a_choice_is_kept_although_the_browser_sends_the_previous_address():
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


def fields() -> None:
    """A field that counts layers, and two buttons that choose one, as the board does."""
    import streamlit as st

    from attnviz.ui import widget_values

    def choose(layer: int) -> None:
        st.session_state["chosen"] = layer

    st.button("Layer 5", on_click=choose, args=(5,))
    st.button("Layer 3", on_click=choose, args=(3,))
    key = widget_values.fill("layer", st.session_state.setdefault("chosen", 3))
    st.number_input("Layer", 0, 9, key=key, on_change=widget_values.answer(key, choose))


def test_the_previous_content_of_a_field_is_not_a_choice(monkeypatch):
    """A browser on a slow line sends the old value of a field with the next thing that its reader does."""
    app = AppTest.from_function(fields).run()
    app.button[0].click().run()
    app.number_input[0].set_value(3).run()
    assert (app.session_state["chosen"], app.number_input[0].value) == (5, 5)
    app.number_input[0].set_value(4).run()
    app.number_input[0].set_value(3).run()
    assert app.session_state["chosen"] == 3, "who counts back comes by the old value too"
    app.button[0].click().run()
    monkeypatch.setattr(widget_values, "MOMENT", 0.0)
    app.number_input[0].set_value(3).run()
    assert app.session_state["chosen"] == 3, "later it is the reader who says so"


def test_a_field_that_was_filled_twice_in_a_moment_shows_what_was_chosen_last():
    app = AppTest.from_function(fields).run()
    app.button[0].click().run()
    app.number_input[0].set_value(3)  # what the browser still has, and sends together with
    app.button[1].click().run()
    assert (app.session_state["chosen"], app.number_input[0].value) == (3, 3)
    assert app.number_input[0].proto.set_value, "the browser is on its way to 5, and must be corrected"


def several() -> None:
    """A list of several layers, and a button that chooses two."""
    import streamlit as st

    from attnviz.ui import widget_values

    def choose(layers: list[int]) -> None:
        st.session_state["chosen"] = layers

    st.button("Layers 1 and 5", on_click=choose, args=([1, 5],))
    key = widget_values.fill("layers", st.session_state.setdefault("chosen", [1]))
    st.multiselect("Layers", range(9), key=key, on_change=widget_values.answer(key, choose))


def test_a_list_of_several_is_read_and_skipped_in_the_same_way():
    app = AppTest.from_function(several).run()
    app.button[0].click().run()
    app.multiselect[0].set_value([1]).run()
    assert (app.session_state["chosen"], app.multiselect[0].value) == ([1, 5], [1, 5])
    app.multiselect[0].set_value([1, 5, 7]).run()
    assert app.session_state["chosen"] == [1, 5, 7]


def maybe() -> None:
    """A list that is filled with a layer and may be emptied."""
    import streamlit as st

    from attnviz.ui import widget_values

    def choose(layer: int | None) -> None:
        st.session_state["chosen"] = layer

    key = widget_values.fill("layer", st.session_state.setdefault("chosen", 3))
    st.selectbox("Layer", [None, 3], key=key, on_change=widget_values.answer(key, choose))


def test_a_new_field_can_be_emptied_at_once_since_it_never_was_empty():
    app = AppTest.from_function(maybe).run()
    app.selectbox[0].set_value(None).run()
    assert app.session_state["chosen"] is None
