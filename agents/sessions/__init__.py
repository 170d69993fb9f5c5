"""The sessions of this host, as the agent sees them: what shall run, what runs, and what is reported."""
