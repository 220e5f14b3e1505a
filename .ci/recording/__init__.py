"""What `outputs.py record` runs: one module for each public door of attnviz. None of them imports a module inside attnviz."""
