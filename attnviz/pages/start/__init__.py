"""The page Start: one live picture, a field for one's own sentence, and doors to all pages."""
