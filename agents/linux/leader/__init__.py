"""The leader: the one root process of a session, which starts, watches and ends everything in it.

It runs detached as `python -I -S .../leader/__main__.py FOLDER`, with the standard library alone: small, quick to
start, without a network. Usually it is forked from a process that has loaded it, and is called the same
(docs/decisions/0023-fork-server.md). It makes itself the reaper of all its descendants, so that no process of the
session can leave it, and lives in a session and process group of its own, so that the agent's death means nothing to
it. Display and worker run under the slot's worker account, all else under the user's account
(docs/decisions/0004-accounts-on-a-host.md).

A session may be prepared ahead of need: with a `warm` line, display and worker start before any user is known, and
the `launch` that comes later finds them there (docs/decisions/0009-warm-sessions.md).

The agent sends one `launch` line (what it holds: agents/linux/launch_line.py) to FOLDER/leader.sock and may come
and go from then on (docs/protocol.md 5). When the session has ended, nothing is left of it but
FOLDER/ended.json, which the agent removes together with the folder.

    __main__.py    run anew: begin; sweep up after a leader that was killed
    beginning.py   how it begins, run anew or forked
    loaded.py      a program that was loaded before the fork
    waiting.py     what will be the worker, forked before its leader knows anything
    session.py     the order of starting and ending, what is told to the agent
    loop.py        events, deadlines, signals: one thread
    agent_side.py  the agent's connection
    attachment.py  what an attachment to somebody's own display needs in their place
    premises.py    what a session needs before its processes start
    quarters.py    private, bounded folders for the user's programs
    out_of_memory.py  whether the kernel killed something for want of memory
    children.py    the named processes: their start, output and end
    display_start.py  the X server until others may connect
    priority.py    how what is prepared ahead stays out of the way
    stranger.py    whether the display refuses a client without a cookie
    lines.py       what it and the worker's channel have in common
    output.py      what the processes print
    processes.py   fork, become an account, find and kill descendants
    traces.py      folders and files that a session needs, and their removal

Nothing here imports another part of Portcullis: a leader outlives the release that started it.
"""
