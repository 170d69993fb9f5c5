"""What this host has installed: the agent's side (`host.py`), and a process with few rights that looks (`__main__.py`).

Links of the start menu, and the files that their icons are taken from, may be anybody's who may write into a menu. They
are read by a process of its own, which gives up its privileges, bounds itself, and is killed when it takes too long.
What it says is taken like what a stranger says. Applications of the Microsoft Store have no links and are left out.
"""
