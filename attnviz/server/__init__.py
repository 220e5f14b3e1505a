"""The parts of the HTTP server: what is let in, who is served when, what is told, counted and written down."""
