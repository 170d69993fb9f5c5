import json

import pytest

from agents.windows import acl
from agents.windows.interactive import Place, Started
from agents.windows.leaders import NOTES, Notes, admits, new_pipe_name, read_notes, write_notes
from agents.windows.pipe import PREFIX, Caller

NOTED = Notes(new_pipe_name(), Place(2, "ann", "S-1-5-21-1"), Started(400, 1.5))
ANN = "S-1-5-21-1-2-3-1001"


def test_notes_are_read_as_they_were_written(tmp_path):
    write_notes(tmp_path, NOTED)
    assert read_notes(tmp_path) == NOTED


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pipe": 1, "place": 2, "helper": 3}', '{"pipe": "x"'])
def test_damaged_notes_count_as_none(tmp_path, text):
    (tmp_path / NOTES).write_text(text)
    assert read_notes(tmp_path) is None


def test_notes_of_another_kind_of_value_count_as_none(tmp_path):
    (tmp_path / NOTES).write_text(json.dumps({**NOTED.to_json(), "helper": {"pid": "x", "created": 0}}))
    assert read_notes(tmp_path) is None


@pytest.mark.parametrize(
    ("caller", "is_let_in"), [(Caller(400, 2), True), (Caller(401, 2), False), (Caller(400, 1), False)]
)
def test_the_process_that_was_started_is_let_in_and_nobody_else(caller, is_let_in):
    assert admits(caller, NOTED) is is_let_in


def test_no_name_of_a_pipe_is_used_twice_or_can_be_guessed():
    names = {new_pipe_name() for _ in range(20)}
    assert len(names) == 20 and all(
        name.startswith(PREFIX) and len(name) == len(PREFIX) + 32 for name in names
    )


def test_a_pipe_admits_the_service_and_one_user_and_inherits_nothing():
    assert acl.pipe(acl.SYSTEM, ANN) == f"O:{acl.SYSTEM}D:P(A;;FA;;;{acl.SYSTEM})(A;;FA;;;{ANN})"


def test_a_folder_is_of_the_system_and_its_administrators_and_of_who_runs_the_agent():
    assert acl.folder() == "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
    assert acl.folder(ANN) == f"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{ANN})"
