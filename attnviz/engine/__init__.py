"""Attention itself: from scratch, captured, and kept as a Trace."""
