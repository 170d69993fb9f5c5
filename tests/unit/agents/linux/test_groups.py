from pathlib import Path

from agents.linux import groups, scopes
from agents.linux.groups import Backend, Limits

MOUNTS = """\
36 29 0:32 / /sys/fs/cgroup/memory rw,relatime shared:15 - cgroup cgroup rw,memory
37 29 0:33 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
38 29 0:34 /docker/abc /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
39 29 0:35 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
40 29 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
41 29 0:37 / /proc rw,relatime - proc proc rw
"""
OWN = "9:name=systemd:/\n8:pids:/docker/abc\n6:freezer:/\n4:memory:/init/7b18\n3:cpu,cpuacct:/\n0::/\n"
FOLDERS = {name: Path("/cg") / name for name in ("freezer", "memory", "pids")}


def test_own_folder_of_each_controller_is_found():
    assert groups.cgroup1_folders(MOUNTS, OWN) == {
        "memory": Path("/sys/fs/cgroup/memory/init/7b18"),
        "freezer": Path("/sys/fs/cgroup/freezer"),
        "pids": Path("/sys/fs/cgroup/pids"),
        "cpu": Path("/sys/fs/cgroup/cpu,cpuacct"),
    }


def test_only_the_users_processes_are_limited():
    group = Backend("cgroup1", FOLDERS).group("5e55", Limits(memory_mb=512, processes=100))
    assert group.worker == ("/cg/freezer/portcullis-5e55",)
    assert set(group.user) == {f"/cg/{name}/portcullis-5e55" for name in FOLDERS}
    assert group.values == {
        "/cg/memory/portcullis-5e55/memory.limit_in_bytes": str(512 << 20),
        "/cg/pids/portcullis-5e55/pids.max": "100",
    }
    assert "nproc" not in group.rlimits and group.prefix == ()


def test_no_limit_writes_nothing():
    group = Backend("cgroup1", FOLDERS).group("5e55", Limits(0, 0))
    assert group.values == {} and group.worker and group.user


def test_missing_pids_controller_is_made_up_for_by_rlimits():
    group = Backend("cgroup1", {"freezer": FOLDERS["freezer"]}).group("5e55", Limits(512, 100))
    assert group.rlimits["nproc"] == 100 and group.values == {}


def test_missing_memory_controller_is_made_up_for_by_a_limit_of_each_process():
    assert Backend("rlimits").group("5e55", Limits(512, 100)).rlimits["data"] == 512 << 20
    assert "data" not in Backend("rlimits").group("5e55", Limits(0, 100)).rlimits
    assert "data" not in Backend("cgroup1", FOLDERS).group("5e55", Limits(512, 100)).rlimits


def test_swap_counts_as_memory_where_the_kernel_counts_it(tmp_path):
    (tmp_path / "memory.memsw.limit_in_bytes").touch()
    group = Backend("cgroup1", {"memory": tmp_path}).group("5e55", Limits(512, 0))
    own = tmp_path / "portcullis-5e55"
    assert list(group.values) == [f"{own}/memory.limit_in_bytes", f"{own}/memory.memsw.limit_in_bytes"]


def test_all_that_a_user_runs_weighs_as_one_and_has_a_ceiling_if_it_is_set():
    values = Backend("cgroup1", {"cpu": Path("/cg/cpu")}).group("5e55", Limits(0, 0, 150)).values
    own = "/cg/cpu/portcullis-5e55"
    assert values == {
        f"{own}/cpu.shares": str(groups.CPU_SHARES),
        f"{own}/cpu.cfs_period_us": "100000",
        f"{own}/cpu.cfs_quota_us": "150000",
    }
    assert "--property=CPUQuota=150%" in groups.scope("5e55", Limits(0, 0, 150)).prefix


def test_private_folders_leave_a_quarter_of_the_memory_whatever_is_asked():
    for memory in (64, 256, 4096):
        assert sum(Limits(memory, 0, tmp_mb=1 << 20).quarters().values()) <= memory * 3 // 4
    assert Limits(0, 0, tmp_mb=0).quarters() == {"tmp": 0, "shared_memory": 1024, "runtime": 64}


def test_only_root_gives_private_folders():
    assert Backend("rlimits").group("5e55", Limits(512, 100)).quarters
    assert not groups.unprivileged().group("5e55", Limits(512, 100)).quarters


def test_rlimits_alone_need_no_folder():
    group = Backend("rlimits").group("5e55", Limits(512, 100))
    assert group.to_json()["folders"] == [] and group.rlimits["nproc"] == 100


def test_scope_holds_the_limits_and_comes_before_the_leader():
    group = Backend("scope").group("5e55", Limits(512, 100))
    assert group.prefix[:2] == ("systemd-run", "--scope") and group.prefix[-1] == "--"
    assert "--unit=portcullis-session-5e55" in group.prefix
    assert {"--property=MemoryMax=512M", "--property=TasksMax=100"} <= set(group.prefix)
    assert group.to_json()["folders"] == []
    assert not any("MemoryMax" in part for part in groups.scope("5e55", Limits(0, 0)).prefix)


def test_leader_that_runs_is_put_into_the_same_scope():
    group = Backend("scope").group("5e55", Limits(512, 100, 150))
    command = " ".join((*group.enter, "1234", scopes.NO_MORE))
    for words in (
        "portcullis-session-5e55.scope fail 8 ",
        "Slice s portcullis.slice",
        "MemoryMax t 536870912 MemorySwapMax t 0",
        "TasksMax t 100",
        "CPUQuotaPerSecUSec t 1500000",
        "PIDs au 1 1234 0",
    ):
        assert words in command
    assert " MemoryMax " not in " ".join(groups.scope("5e55", Limits(0, 0)).enter)


def fake_root(tmp_path, mounts=MOUNTS, systemd=False):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(mounts)
    (tmp_path / "proc/self/cgroup").write_text(OWN)
    if systemd:
        (tmp_path / "run/systemd/system").mkdir(parents=True)
        (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
        (tmp_path / "sys/fs/cgroup/cgroup.controllers").touch()
    return tmp_path


def test_first_backend_that_the_host_has_is_taken(tmp_path):
    assert groups.detect(fake_root(tmp_path / "a", systemd=True)).name == "scope"
    assert groups.detect(fake_root(tmp_path / "b", mounts="")).name == "rlimits"
    (tmp_path / "freezer").mkdir()
    mounted = f"37 29 0:33 / {tmp_path / 'freezer'} rw - cgroup cgroup rw,freezer\n"
    found = groups.detect(fake_root(tmp_path / "c", mounts=mounted))
    assert (found.name, dict(found.folders)) == ("cgroup1", {"freezer": tmp_path / "freezer"})
