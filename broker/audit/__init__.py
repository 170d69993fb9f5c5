"""What happened, kept durably: every sign-in, launch, refusal, end and change, on this broker's own disk.

`audit.py` is what everybody else uses. `event.py` and `query.py` are values, `store.py` the file, `tally.py` counts for
the first screen, `copies.py` and `everywhere.py` meet the other brokers.
"""
