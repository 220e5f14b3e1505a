"""Attention: computed from scratch, captured from a model, and kept as a Trace."""
