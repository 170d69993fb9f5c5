"""Models <-> records: one file a noun, each with one class that is built on stores and snapshot.

Reading is synchronous, from the snapshot, and sees what the newest delivery brought. Writing is asynchronous:
it builds sealed operations and conditions in the scope that owns the record and sends them as one transaction
(`committing`). What a tenant owns is reached with that tenant's id alone. Nothing above this package knows a
path or a record.
"""
