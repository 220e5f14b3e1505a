"""Benchmarks of attention on this machine: in a separate process, one run at a time for all readers."""
