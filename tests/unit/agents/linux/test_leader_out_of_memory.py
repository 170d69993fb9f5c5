from agents.linux.leader import out_of_memory


def test_kills_are_counted_in_both_versions_of_cgroups(tmp_path, monkeypatch):
    one = tmp_path / "one"
    one.mkdir()
    (one / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    two = tmp_path / "slice/scope"
    two.mkdir(parents=True)
    (two / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 3\noom_kill 1\noom_group_kill 0\n")
    own = tmp_path / "cgroup"
    own.write_text("4:memory:/init\n0::/slice/scope\n")
    monkeypatch.setattr(out_of_memory, "CGROUP2", tmp_path)
    assert out_of_memory.kills([str(one)], own) == 3


def test_what_is_absent_or_unreadable_counts_nothing(tmp_path):
    (tmp_path / "memory.oom_control").write_bytes(b"\xff\0oom_kill")
    (tmp_path / "own").write_text("0::/../../nowhere\n")
    assert out_of_memory.kills([str(tmp_path), str(tmp_path / "gone")], tmp_path / "own") == 0
    assert out_of_memory.kills([], tmp_path / "nothing") == 0
