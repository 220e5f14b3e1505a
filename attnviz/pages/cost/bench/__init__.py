"""What this machine needs for it: measurements in a process of their own, one run at a time for all readers."""
