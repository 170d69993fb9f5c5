"""Deletes every property of the root window and writes nonsense into those that others read."""

from window import Window

NONSENSE = {
    "_NET_CLIENT_LIST": b"\xff" * 40,
    "_NET_ACTIVE_WINDOW": b"\x01",
    "RESOURCE_MANAGER": b"\0\xff" * 30_000,
}

window = Window()
window.until_managed()
for name in window.core.ListProperties(window.root).reply().atoms:
    window.core.DeleteProperty(window.root, name)
for name, data in NONSENSE.items():
    window.set(window.root, name, "WINDOW", data)
window.rest()
