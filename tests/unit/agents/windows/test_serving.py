import asyncio

import pytest

from agents.windows import paths, serving
from agents.windows.serving import read_settings, run
from portcullis.errors import InvalidInput


@pytest.fixture(autouse=True)
def program_data(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "program_data", lambda: tmp_path)
    return tmp_path


def test_without_arguments_all_is_below_the_programs_data(program_data):
    assert read_settings([]).state == program_data / "agent"


def test_the_file_counts_and_the_command_line_counts_more(program_data):
    paths.config_file().write_text("state: C:/elsewhere\nlog_level: debug\n")
    assert (str(read_settings([]).state), read_settings([]).log_level) == ("C:/elsewhere", "debug")
    assert read_settings(["--log-level", "error"]).log_level == "error"


def test_a_setting_that_there_is_not_is_refused(program_data):
    paths.config_file().write_text("colour: red\n")
    with pytest.raises(InvalidInput, match="colour"):
        read_settings([])


async def test_a_machine_that_has_not_joined_waits_and_begins_when_it_has(monkeypatch, program_data):
    monkeypatch.setattr(serving, "LOOK_SECONDS", 0.01)
    state, stop, served = program_data / "agent", asyncio.Event(), asyncio.Event()

    async def serve(chosen, stop, backend):
        assert (state / "machine.json").is_file()
        served.set()
        stop.set()

    monkeypatch.setattr(serving, "serve", serve)
    running = asyncio.get_running_loop().create_task(run(read_settings([]), stop))
    await asyncio.sleep(0)
    assert not served.is_set()
    state.mkdir()
    (state / "machine.json").write_text("{}")
    async with asyncio.timeout(20):
        await running
    assert served.is_set()


async def test_an_agent_that_fails_is_begun_anew(monkeypatch, program_data):
    monkeypatch.setattr(serving, "AGAIN_SECONDS", 0.01)
    state, stop, begun = program_data / "agent", asyncio.Event(), []
    state.mkdir()
    (state / "machine.json").write_text("{}")

    async def serve(chosen, stop, backend):
        begun.append(1)
        if len(begun) < 3:
            raise OSError("something")
        stop.set()

    monkeypatch.setattr(serving, "serve", serve)
    async with asyncio.timeout(20):
        await run(read_settings([]), stop)
    assert len(begun) == 3


async def test_a_stop_is_heard_while_it_waits_to_join(program_data):
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(20):
        await run(read_settings([]), stop)
