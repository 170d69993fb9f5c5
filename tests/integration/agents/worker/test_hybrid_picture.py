"""A client that says what it draws gets moves, kept letters and small frames, and sees every pixel as it is."""

from portcullis.protocol import messages as m

TERMINAL = ("-geometry", "80x24+0+0", "-fn", "9x15", "-b", "0")


async def terminal(x, session, *command):
    client = await session.attach()
    client.draws()
    x.start("xterm", *TERMINAL, "-e", *command)
    await x.window("--class", "xterm")
    client.click(50, 50)
    await session.until_drawn(client)
    return client


async def type_text(session, client, text):
    for letter in text:
        frames = client.frames
        client.key(f"Key{letter.upper()}", letter)
        await client.until(lambda frames=frames: client.frames > frames)
    await session.until_drawn(client)


def sent(client, kind):
    return [message for message in client.messages if isinstance(message, kind)]


async def test_letters_that_came_before_are_drawn_from_the_cache_in_small_frames(x, session):
    client = await terminal(x, session, "cat")
    await type_text(session, client, "abcab")
    before, small = client.viewer.drawn["cache_draw"], len(sent(client, m.SmallFrame))
    await type_text(session, client, "abcabcabc")
    assert client.viewer.drawn["cache_draw"] >= before + 5
    assert len(sent(client, m.SmallFrame)) >= small + 5


async def test_a_terminal_that_scrolls_is_moved(x, session):
    line = "echo $i $((i * i * 7919)) the rest of a line $((i * 104729))"
    script = f"i=100; while read line; do for n in 1 2 3; do i=$((i + 1)); {line}; done; done"
    client = await terminal(x, session, "sh", "-c", f"seq 100000000 7919 101000000; {script}")
    for _ in range(6):
        frames = client.frames
        client.key("Enter", "Enter")
        await client.until(lambda frames=frames: client.frames > frames)
        await session.until_drawn(client)
    assert client.viewer.drawn["move"] >= 3


async def test_a_client_that_lost_its_slots_is_told_everything_anew(x, session):
    client = await terminal(x, session, "cat")
    await type_text(session, client, "abab")
    client.viewer.sent_capabilities()
    client.send(m.Refresh())
    await type_text(session, client, "abab")


async def test_a_client_without_capabilities_gets_what_it_always_did(x, session):
    client = await session.attach()
    x.start("xterm", *TERMINAL, "-e", "cat")
    await x.window("--class", "xterm")
    client.click(50, 50)
    await session.until_drawn(client)
    await type_text(session, client, "abab")
    assert set(client.viewer.drawn) <= {"tile_zstd", "fill"}
    assert not sent(client, m.SmallFrame)
