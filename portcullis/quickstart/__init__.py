"""One machine, one command: a whole site on loopback, for trying Portcullis out. Called by deploy/quickstart.sh and by
`portcullis demo`.

    __main__.py       options            instance.py      where this clone's state lives, which ports it keeps
    start.py          run, wait until healthy, publish, write the facts
    first_start.py    the site is made; gateway and host join it
    stop.py           log off sessions, stop the parts; reset: remove all that was made
    supervisor.py     runs the parts and restarts those that die (backoff.py, log_files.py, control_socket.py)
    health.py         does it work?      status.py  what --status says
    place.py          the system (root), or below the clone (unprivileged): folders, accounts, as whom parts run
    accounts.py       the service account of broker and gateway
    system_packages.py  what this machine lacks         foreground.py  stays until Ctrl-C
    keeper.py         ends what a demo began, also of one that was killed
    publish.py        xterm, mousepad and this machine's desktop entries
    facts.py          var/quickstart.json       terminal.py  what is printed

It knows the services by their commands and the REST API alone.
"""
