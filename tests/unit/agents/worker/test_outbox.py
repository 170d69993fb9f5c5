"""The newest of each kind, when there is room; a cursor's picture once."""

from agents.worker.desktop import CursorImage
from agents.worker.outbox import KEPT_CURSORS, Outbox
from portcullis.protocol import messages as m


class Client:
    def __init__(self):
        self.messages = []
        self.has_room = True
        self.outbox = Outbox(lambda payload: self.messages.extend(m.decode(payload)), lambda: self.has_room)


def image(serial):
    return CursorImage(serial, 0, 0, 1, 1, b"rgba")


def test_cursor_s_picture_is_sent_once():
    client = Client()
    for serial in (5, 6, 5):
        client.outbox.cursor(image(serial))
    picture = [(type(message), message.serial) for message in client.messages]
    assert picture == [
        (m.Cursor, 5), (m.CursorUse, 5), (m.Cursor, 6), (m.CursorUse, 6), (m.CursorUse, 5),
    ]  # fmt: skip


def test_cursor_that_the_client_may_have_dropped_is_sent_again():
    client = Client()
    for serial in (*range(1, KEPT_CURSORS + 2), 1):
        client.outbox.cursor(image(serial))
    assert [message.serial for message in client.messages if isinstance(message, m.Cursor)][-1] == 1


def test_hidden_cursor_needs_no_picture():
    client = Client()
    client.outbox.cursor(CursorImage(0, 0, 0, 0, 0, b""))
    assert client.messages == [m.CursorUse(0)]


def test_without_room_only_the_newest_waits():
    client = Client()
    client.has_room = False
    for number in range(5):
        client.outbox.title(f"title {number}")
        client.outbox.clipboard(f"text {number}")
        client.outbox.cursor(image(number + 1))
    assert client.messages == []
    client.has_room = True
    client.outbox.flush()
    client.outbox.flush()
    assert client.messages == [
        m.Cursor(5, 0, 0, 1, 1, b"rgba"),
        m.CursorUse(5),
        m.Title("title 4"),
        m.ClipboardText(1, "text 4"),
    ]
