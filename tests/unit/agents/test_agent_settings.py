import pytest

from agents.__main__ import parser
from agents.app import DEFAULT_SLOTS, read_slots, slots_of, write_slots
from agents.linux.hosting import only_agent
from agents.settings import AgentSettings, video_codecs
from portcullis.errors import InvalidInput
from portcullis.protocol.worker_channel import Start


def test_slots_given_at_join_are_remembered(tmp_path):
    write_slots(tmp_path, 20)
    assert read_slots(tmp_path) == 20


@pytest.mark.parametrize("text", ["", "[]", '{"slots": "x"}', "{"])
def test_damaged_note_of_slots_falls_back(tmp_path, text):
    (tmp_path / "agent.json").write_text(text)
    assert read_slots(tmp_path) == DEFAULT_SLOTS


@pytest.mark.parametrize("mode", [0o711, 0o700])
def test_second_agent_on_a_runtime_folder_is_refused(tmp_path, mode):
    run = tmp_path / "run"
    with only_agent(run, mode), pytest.raises(InvalidInput), only_agent(run, mode):
        pass
    with only_agent(run, mode):
        assert run.stat().st_mode & 0o777 == mode


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


@pytest.mark.parametrize(
    ("text", "codecs"),
    [("h264,vp8", "h264,vp8"), (" VP9 , h264,vp9", "vp9,h264"), ("none", ""), ("vp8", "vp8")],
)
def test_codecs_are_read_as_they_are_listed(text, codecs):
    assert video_codecs(text) == codecs


@pytest.mark.parametrize("text", ["", "h265", "h264,", "none,vp8", "h264;vp8"])
def test_a_codec_that_nobody_knows_is_refused(text):
    with pytest.raises(InvalidInput, match="--video"):
        video_codecs(text)


def test_the_default_names_known_codecs(tmp_path):
    assert video_codecs(AgentSettings(state=tmp_path).video) == Start.__dataclass_fields__["video"].default


@pytest.mark.parametrize(("maximum", "slots"), [(None, 20), (1, 1), (64, 20)])
def test_a_host_has_no_more_slots_than_its_system_can_run(tmp_path, maximum, slots):
    assert slots_of(AgentSettings(state=tmp_path, slots=20), maximum) == slots
