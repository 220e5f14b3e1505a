"""Which models exist, and where their weights come from."""
