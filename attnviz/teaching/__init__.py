"""Lessons: files that a teacher writes, the questions in them, and answers that are graded with the model's own numbers."""
