"""Windows programs through Wine (docs/wine.md).

On the agent's side: `templates` (which a host has), `making` and `commands` (how its administrator makes them), and
`bridge` (what a session starts). In the session, as its user: `runner` on `prefix` (the user's own copy), `registry`
(pure) and `windows`, which load little but the standard library.
"""
