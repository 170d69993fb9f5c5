from types import SimpleNamespace

from portcullis.quickstart.parts import _own_settings


def test_settings_of_a_part_are_read_where_the_administrator_wrote_them(tmp_path):
    instance = SimpleNamespace(state=tmp_path)
    file = tmp_path / "agent" / "settings.yaml"
    assert _own_settings(instance, "agent") == ()
    file.parent.mkdir()
    file.write_text("warm_sessions: 2\n")
    assert _own_settings(instance, "agent") == ("--config", str(file))
    assert _own_settings(instance, "broker") == ()
