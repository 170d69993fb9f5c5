import pytest

from agents.__main__ import parser
from agents.app import DEFAULT_SLOTS, only_agent, read_slots, write_slots
from portcullis.errors import InvalidInput


def test_slots_given_at_join_are_remembered(tmp_path):
    write_slots(tmp_path, 20)
    assert read_slots(tmp_path) == 20


@pytest.mark.parametrize("text", ["", "[]", '{"slots": "x"}', "{"])
def test_damaged_note_of_slots_falls_back(tmp_path, text):
    (tmp_path / "agent.json").write_text(text)
    assert read_slots(tmp_path) == DEFAULT_SLOTS


def test_second_agent_on_a_runtime_folder_is_refused(tmp_path):
    with only_agent(tmp_path / "run"), pytest.raises(InvalidInput), only_agent(tmp_path / "run"):
        pass
    with only_agent(tmp_path / "run"):
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize(
    "arguments",
    [
        ["join", "--state", "s", "--broker", "b:1", "--token-file", "t", "--name", "n", "--slots", "20"],
        ["serve", "--state", "s", "--runtime", "r", "--account-prefix", "p", "--homes", "h"],
        ["end-sessions", "--runtime", "r"],
        ["remove-accounts", "--account-prefix", "p"],
    ],
)
def test_commands_that_the_quickstart_calls_are_understood(arguments):
    assert callable(parser().parse_args(arguments).run)
