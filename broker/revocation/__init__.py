"""Taking back what was granted: issuing, telling, keeping and, without the grid, remembering until it is back."""
