"""What an input method composes in a real Chromium, by its own composition API, read by a program of the session."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHINESE = (("n", "ni", "nih", "nihao", "你好", "妳好"), "你好"), (("z", "zhong", "中", "鐘"), "鐘")
JAPANESE = (("k", "か", "かn", "かん", "かんj", "かんじ", "感じ", "漢字"), "漢字"), (("t", "て", "手"), "手")
KOREAN = (("ㅎ", "하", "한"), "한"), (("ㄱ", "그", "글"), "글")


async def compose(seat, *texts):
    """Each takes the place of the one before, at a stroke that the input method keeps."""
    stroke = {"key": "Process", "code": "KeyN", "windowsVirtualKeyCode": 229}
    for text in texts:
        await seat.devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **stroke})
        selection = {"selectionStart": len(text), "selectionEnd": len(text)}
        await seat.devtools.send("Input.imeSetComposition", {"text": text, **selection})
        await seat.devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **stroke, "key": "n"})


async def commit(seat, text):
    await seat.devtools.send("Input.insertText", {"text": text})


async def test_words_that_replace_their_compositions_arrive_once_and_nothing_else(seat):
    for composed, word in (*CHINESE, *JAPANESE, *KOREAN):
        await compose(seat, *composed)
        await commit(seat, word)
        await seat.page.keyboard.press("KeyX")
    await seat.types_exactly("你好x鐘x漢字x手x한x글x")


async def test_composition_that_is_cancelled_leaves_nothing(seat):
    await compose(seat, "か", "かん", "")
    await seat.page.keyboard.press("KeyX")
    await compose(seat, "て")
    await commit(seat, "手")
    await seat.types_exactly("x手")


async def test_composition_is_dropped_when_the_window_loses_the_focus(seat):
    await compose(seat, "n", "ni")
    await seat.leave()
    await seat.come_back()
    await compose(seat, "z", "中")
    await commit(seat, "中")
    await seat.types_exactly("中")


async def test_word_committed_while_the_connection_is_away_arrives_once(desk, seat):
    await compose(seat, "ㅎ", "하")
    desk.cut()
    await seat.until_state("reconnecting")
    await compose(seat, "한")
    await commit(seat, "한")
    desk.site.may_attach.set()
    await seat.until_state("active")
    await seat.types_exactly("한")
