"""The first moments of a server: what is slow to import is imported here, and the reader is told."""

from __future__ import annotations

import importlib
import sys

import streamlit as st

ENGINE = "attnviz.engine.capture"  # brings torch and transformers


def wake() -> None:
    """Import the engine: the first reader of a server waits some seconds for it, all others not at all."""
    if ENGINE not in sys.modules:
        with st.spinner("The server has just started and loads the model library: some seconds, once.", show_time=True):
            importlib.import_module(ENGINE)
