"""Configuration: the text of the files, the typed models, and what can be wrong with both."""
