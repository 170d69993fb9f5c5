"""Pictures that move -> video that a browser decodes. `contract.py` is what the worker knows of it.

Codecs and the colour conversion are imported when the first region opens: a session without video does not pay for
them.
"""
