"""Existing desktops of Windows (docs/desktops.md): a session that somebody is signed in to, with an attachment to it.

All that touches such a desktop runs in its Windows session, as its user: the worker, and an attendant, which is what
agents/desktops/ calls the helper (here that word is the leader's).

    finding.py      which Windows sessions there are and whose; what accounts are called; the agent's
    attachments.py  what a launch holds that attaches; the agent's
    __main__.py     the attendant: asks, shows the sign, ends when either says so or the session does
    overlay.py      what it shows: the question and the sign, drawn by GDI     shapes.py  where (pure)
    hands.py        what the person does, and what is pressed from afar; lets go of it
    words.py        by what attendant and worker know each other
    desktop.py      the worker's desktop
"""
