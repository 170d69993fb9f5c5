"""`portcullis drill`: breaks a lab's parts one after the other, under live sessions, and measures how it recovers.

    command.py      options
    performance.py  from options to exit status     drill.py        the run: people, faults in turn, results
    faults.py       every fault: what, whom, how long, and what is promised
    scene.py        the lab's parts as the drill handles them: kill, freeze, cut, hold, and put back
    people.py       users made for the drill, who sign in and launch
    person.py       an API client as the page is one (signing, several gateways)
    stream.py       the wire: a WebSocket over asyncio       live_session.py  types, resumes, notes what took how long
    prober.py       reads and launches all the time, and notes how long each took
    host_side.py    what the application was given, and whether its process lives on
    figures.py      samples -> percentiles -> rows (pure)
    report.py       table, live progress             document.py     docs/reliability.md

The clients are real ones: they speak to gateways over HTTP and WebSocket and know nothing else. Breaking things needs
the machine: signals, the lab's control sockets, the homes of its hosts.
"""
