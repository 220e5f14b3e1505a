"""Which models exist, and where their weights come from."""

import os

# huggingface_hub reads it when it is first imported, so it must be set before any module here imports it.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
