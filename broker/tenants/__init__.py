"""Tenants as such: what limits them, under which names they are reached, how they come and go.

`host_names` and `rates` are pure or in memory; `keeper` does what follows from a record: a suspended tenant's sessions
end, a leaving one's records and data key go. Records: `broker.repositories.tenants`, `entries`.
"""
