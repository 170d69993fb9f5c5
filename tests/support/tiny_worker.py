"""A worker without streams, for tests of the leader: counts windows, can be prepared ahead, dials in vain, ends."""

import json
import os
import selectors
import socket
from pathlib import Path

import xcffib
import xcffib.xproto


def main() -> None:
    channel = socket.socket(fileno=3)
    lines = channel.makefile("rb")
    start = json.loads(lines.readline())
    is_ahead = start["type"] == "prepare"
    os.environ["XAUTHORITY"] = start["xauthority"]
    display = xcffib.connect(start["display"])
    root = display.get_setup().roots[0].root
    mask = xcffib.xproto.EventMask.PropertyChange
    display.core.ChangeWindowAttributes(root, xcffib.xproto.CW.EventMask, [mask])
    name = display.core.InternAtom(False, 16, "_NET_CLIENT_LIST").reply().atom
    assert Path(start["framebuffer"]).stat().st_size > 3840 * 2160 * 4

    def tell() -> None:
        reply = display.core.GetProperty(False, root, name, xcffib.xproto.Atom.Any, 0, 64).reply()
        state = {"from": "worker", "type": "state", "windows": reply.value_len, "connections": 0, "e": 0}
        channel.sendall(json.dumps(state).encode() + b"\n")

    def refuse(rendezvous: str) -> None:
        failed = {"from": "worker", "type": "dial_failed", "rendezvous": rendezvous, "code": "unavailable"}
        channel.sendall(json.dumps(failed).encode() + b"\n")

    if is_ahead:
        channel.sendall(b'{"from": "worker", "type": "prepared"}\n')
        if json.loads(lines.readline())["type"] != "start":
            return
    tell()
    selector = selectors.DefaultSelector()
    selector.register(channel, selectors.EVENT_READ)
    selector.register(display.get_file_descriptor(), selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is channel:
                line = lines.readline()
                message = json.loads(line or '{"type": "closing"}')
                if message["type"] == "closing":
                    return
                if message["type"] == "dial":
                    refuse(message["rendezvous"])
            while (event := display.poll_for_event()) is not None:
                if getattr(event, "atom", None) == name:
                    tell()


main()
