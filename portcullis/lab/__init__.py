"""A little cluster on one machine, to try, break and learn from. Called by deploy/cluster.sh.

    __main__.py      options               layout.py        which parts, on which ports, in which folders
    start.py         run, wait until healthy, publish       making.py  the first start: members, site, joining
    stop.py          stop; reset: remove all that was made
    parts.py         commands of the parts                  supervisor.py  runs them; parts can be held back
    etcd_member.py   one etcd member: binary, arguments     certificates.py  those of the members and their clients
    links.py         every connection between parts passes here, and can be stalled or cut (splice.py, rules.py)
    dialler.py       which part a connection comes from
    card.py          var/cluster.json, which the drill reads, and what is printed

It stands on the quickstart's place, supervisor and publishing (portcullis/quickstart/), and needs root: sessions get
accounts of their own, and links.py looks whose connection is whose.
"""
