"""Existing desktops (docs/desktops.md), as far as they are the same on every operating system.

rules.py         which display is meant, who may be connected to it, what a helper's exit statuses mean (pure)
attachments.py   which displays of a host are taken; what launches and dry runs are told of one
wording.py       what a helper says on the person's screen (pure)
"""
