"""Words that teach, as data: examples today."""
