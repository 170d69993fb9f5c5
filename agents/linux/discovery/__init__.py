"""What this host has installed: the agent's side (`host.py`), and a process without rights that looks (`__main__.py`).

Desktop entries, themes and pictures are files that anybody may have written who installed something. They are read
by a process of its own: as nobody where the agent is root, with bounds on its time, memory and files, and killed when
it takes too long. What it says is taken like what a stranger says.
"""
