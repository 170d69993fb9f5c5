"""What of a user's input goes out where an application's windows alone are shown."""

import pytest

from agents.windows.reach import Reach, is_of_the_shell
from portcullis.protocol import messages as m


class Subject:
    """The application has the left half of a picture."""

    def __init__(self):
        self.focus = True
        self.comes = True
        self.capture = False
        self.asked = []

    def is_at(self, x, y):
        return x < 100

    def has_focus(self):
        return self.focus

    def has_capture(self):
        return self.capture

    def come_forward(self, at=None):
        self.asked.append(at)
        self.focus = self.focus or self.comes


@pytest.fixture
def subject():
    return Subject()


@pytest.fixture
def send(subject):
    reach = Reach(subject)
    return lambda message: [each for each in reach.admit(message) if not isinstance(each, float)]


def pointer(x, y=10, buttons=0, modifiers=0):
    return m.Pointer(1, x, y, buttons, modifiers)


def key(text, modifiers=0, *, down=True, code=""):
    return m.Key(1, down, modifiers, 0, code, text)


def test_pointer_over_the_application_goes_out_and_beside_it_does_not(send):
    assert send(pointer(5)) == [pointer(5)]
    assert send(pointer(150)) == []


def test_click_beside_the_application_brings_it_forward_and_goes_nowhere(send, subject):
    assert send(pointer(150, 20, 1)) == []
    assert subject.asked == [(150, 20)]
    assert send(pointer(150, 20, 0)) == []


def test_button_that_went_down_beside_the_application_does_not_go_down_when_it_comes_in(send):
    send(pointer(150, 10, 1))
    assert send(pointer(50, 10, 1)) == [pointer(50, 10, 0)]
    send(pointer(50, 10, 0))
    assert send(pointer(50, 10, 1)) == [pointer(50, 10, 1)]


def test_drag_that_leaves_the_application_goes_on(send, subject):
    send(pointer(50, 10, 1))
    assert send(pointer(150, 10, 1)) == [pointer(150, 10, 1)]
    subject.capture = True
    assert send(pointer(160, 10, 0)) == [pointer(160, 10, 0)]
    assert send(pointer(161, 10, 0)) == []


def test_what_is_dragged_out_is_not_dropped_on_another_program(send):
    send(pointer(50, 12, 1))
    send(pointer(150, 10, 1))
    assert send(pointer(150, 10, 0)) == [pointer(50, 12, 0)]


def test_second_button_outside_of_a_drag_is_not_pressed(send, subject):
    send(pointer(50, 10, 1))
    assert send(pointer(150, 10, 3)) == [pointer(150, 10, 1)]
    assert subject.asked == []


def test_wheel_turns_what_is_the_application_s(send):
    wheel = m.Wheel(1, 5, 5, 0, 120, 0)
    assert send(wheel) == [wheel]
    assert send(m.Wheel(1, 150, 5, 0, 120, 0)) == []


def test_key_goes_to_the_application_once_it_has_the_keyboard(send, subject):
    subject.focus = False
    assert send(key("a")) == [key("a")]
    assert subject.asked == [None]


def test_key_that_would_reach_another_program_is_dropped(send, subject):
    subject.focus = subject.comes = False
    assert send(key("a")) == []
    assert send(m.CommittedText(1, "secret")) == []
    assert send(key("a", down=False)) == [key("a", down=False)]


def test_waiting_for_the_keyboard_ends_and_is_shorter_where_it_was_in_vain(subject):
    subject.focus = subject.comes = False
    reach = Reach(subject)
    first, second = (sum(reach.admit(key("a"))) for _ in range(2))
    assert 0 < second < first < 2
    subject.focus = True
    list(reach.admit(key("a")))
    subject.focus = False
    assert sum(reach.admit(key("a"))) == first


@pytest.mark.parametrize(
    ("text", "modifiers"),
    [
        ("Meta", 0),
        ("r", m.META),
        ("Tab", m.ALT),
        ("Tab", m.ALT | m.SHIFT),
        ("Escape", m.ALT),
        ("Escape", m.CONTROL),
        ("Escape", m.CONTROL | m.SHIFT),
        ("PrintScreen", 0),
        ("PrintScreen", m.ALT),
    ],
)
def test_keys_of_the_shell_do_not_go_out(send, text, modifiers):
    assert is_of_the_shell(key(text, modifiers))
    assert send(key(text, modifiers)) == []


@pytest.mark.parametrize("code", ["MetaLeft", "MetaRight", "OSLeft", "AltLeft", "AltRight", "ControlLeft"])
@pytest.mark.parametrize("text", ["", "é"])
def test_modifier_key_that_does_not_say_its_name_does_not_go_out(send, code, text):
    assert send(key(text, m.CONTROL, code=code)) == []
    assert send(key("Control", m.CONTROL, code=code)) == [key("Control", m.CONTROL, code=code)]


@pytest.mark.parametrize(
    ("text", "modifiers"),
    [("Tab", 0), ("Tab", m.CONTROL), ("Escape", 0), ("Escape", m.SHIFT), ("F4", m.ALT), ("c", m.CONTROL)],
)
def test_keys_of_applications_do(send, text, modifiers):
    assert send(key(text, modifiers)) == [key(text, modifiers)]


def test_windows_key_is_not_pressed_by_the_flags_of_another_event(send):
    assert send(pointer(5, modifiers=m.META | m.SHIFT)) == [pointer(5, modifiers=m.SHIFT)]
    assert send(key("a", m.META, down=False)) == [key("a", down=False)]


def test_everything_is_released_wherever_that_is(send):
    send(pointer(50, 10, 1))
    assert send(m.ReleaseAll(1)) == [m.ReleaseAll(1)]
    assert send(pointer(150, 10, 0)) == []
