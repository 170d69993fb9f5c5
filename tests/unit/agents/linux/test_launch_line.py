from pathlib import Path

from agents.linux.accounts import Account
from agents.linux.environment import Machine
from agents.linux.groups import Backend, Limits
from agents.linux.launch_line import People, build_launch
from portcullis.model.session import Display
from portcullis.protocol.orders import Order
from portcullis.protocol.worker_channel import Start, encode_line

PEOPLE = People(
    worker=Account("pcw3", 901, 901, Path("/nonexistent")),
    user=Account("pcu0123456789", 1001, 1001, Path("/home/pcu0123456789")),
)
FOLDER = Path("/run/portcullis/sessions/5e55")


def launch(display=None, bus=True, environment=None):
    display = display or Display()
    order = Order(
        session="5e55",
        tenant="7e4a",
        user_id="a",
        user_name="Ada",
        slot=3,
        state="pending",
        application_id="b",
        application_name="Editor",
        command=("mousepad", "--new"),
        environment=environment or {},
        display=display,
    )
    start = Start("5e55", "7e4a", "405e", "517e", display.width, display.height, "PEM", {})
    group = Backend("rlimits").group("5e55", Limits(0, 50))
    return build_launch(order, start, PEOPLE, FOLDER, group, Machine((), (), bus), ("worker",))


def test_launch_is_one_line_of_json():
    assert encode_line({"type": "launch", **launch()}).endswith(b"\n")


def test_size_above_the_largest_display_is_clamped():
    start = launch(Display(width=16000, height=9000))["worker"]["start"]
    assert (start["width"], start["height"]) == (3840, 2160)


def test_environment_of_application_reaches_the_application_alone():
    made = launch(environment={"MODE": "x"})
    assert made["application"]["environment"]["MODE"] == "x"
    assert "MODE" not in made["bus"]["environment"] and "MODE" not in made["window_manager"]["environment"]


def test_worker_and_display_know_nothing_of_the_user():
    made = launch()
    for part in (made["worker"], made["display"]):
        assert not any("pcu" in value for value in part["environment"].values())


def test_host_without_a_bus_starts_none():
    assert launch(bus=False)["bus"] is None


def test_display_runs_without_shared_memory_segments_and_without_a_port():
    command = launch()["display"]["command"]
    assert command[command.index("-extension") + 1] == "MIT-SHM"
    assert command[command.index("-nolisten") + 1] == "tcp"
    assert "-nocursor" in command and "-ac" not in command
