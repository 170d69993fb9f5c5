"""The kinds of documents of configuration, a family a file."""
