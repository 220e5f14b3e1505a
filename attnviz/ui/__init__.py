"""The only Streamlit beside the pages: state, frame, blocks and the shared backend."""
