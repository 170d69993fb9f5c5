"""What Portcullis is about, as frozen values: no I/O, no framework.

Each class parses its stored form with `from_json` (tolerant: unknown fields are ignored, absent ones take the default
of the version that introduced them) and gives it with `to_json`. What people write is parsed, strictly, where it
enters (`broker/http`, `portcullis/cli`).
"""
