"""Which models exist, and where their weights come from."""

import os

# Read by huggingface_hub when it is first imported, so it must stand before any module here imports it.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
