"""Teaching texts as data: example sentences, long texts, glossary, and templates with gaps."""
