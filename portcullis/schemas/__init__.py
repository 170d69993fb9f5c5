"""JSON Schemas of what Portcullis reads and answers."""
