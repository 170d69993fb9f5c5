"""Sessions on Windows. Nothing here needs Windows to be imported: what does is imported where it is called."""
