"""The helper: a session's leader on Windows, one process in the Windows session of whoever is signed in there.

The service starts it as that user (`agents.windows.interactive`) with the name of a pipe, and sends it one `launch`
line over that. It starts the worker and, once that has told its first state, the application in a job object; it passes
lines on between service and worker, both ways, and tells how things stand (docs/protocol.md 5). When the service is
restarted, it dials again and is adopted. It ends when its session has ended and the service has been told.

    __main__.py  one process: the loop, its tasks and their end
    session.py   the order of starting and ending, and what is told: no I/O
    parts.py     what the session does: processes, job objects, lines
    attendant.py the process that asks, and shows the sign, where it is somebody's own desktop
    service.py   the connection to the service, dialled again whenever it breaks

It runs in the user's account, as the application does: what it says is believed about its own session, and of nothing
else.
"""
