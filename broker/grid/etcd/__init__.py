"""The grid on etcd, by a client of our own over gRPC.

    grid           `EtcdGrid`: the contract of `broker.grid.grid`, and how each of its calls is said in etcd's words
    translation    between our transactions, items and events and etcd's messages (pure)
    repeating      the same transaction again after an unknown outcome (pure)
    watching       one watch over as many streams as it takes
    members        the endpoints: which one is asked, for how long, and what its answers must not contradict
    endpoint       one endpoint: its channel and its methods
    troubles       what may go wrong, in an operator's words, out of gRPC's
    diagnosis      why nothing answers, found out by a look at the socket
    versions       which servers are refused, which are warned of (pure)
    messages       etcd's messages, made at run time from a table of their fields
    address        `etcds://a:2379,b:2379` and its TLS files

`EtcdGrid` -> `watching` -> `members` -> `endpoint`; nothing points back.
"""
