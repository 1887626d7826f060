"""One process in a folder; going on with the same options only."""

import json
import os
import re
import socket
import subprocess
import sys
import threading

import pytest

from spinnn.files import FileWarning
from spinnn.resume import check_same, claimed, cores, warn_of_cores


def lock(folder, **values):
    """A lock of another process."""
    folder.mkdir(exist_ok=True)
    (folder / ".lock").write_text(json.dumps({"process": 1, "host": socket.gethostname(), "started": None, **values}))


def test_a_folder_is_claimed_and_released(tmp_path):
    folder = tmp_path / "a" / "b"
    with claimed(folder):
        assert json.loads((folder / ".lock").read_text())["process"] == os.getpid()
        with claimed(folder):
            assert [one.name for one in folder.iterdir()] == [".lock"]
        assert (folder / ".lock").exists()
    assert not any(tmp_path.iterdir()), "folders that are made and stay empty go again"
    with claimed(folder):
        (folder / "result").write_text("")
    assert [one.name for one in folder.iterdir()] == ["result"]


def test_a_second_process_is_refused_in_one_line(tmp_path):
    program = "from spinnn.resume import claimed\nwith claimed('.'): print('in', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(ValueError, match=rf"{tmp_path} is in use by process {other.pid} on this host; wait until"):
            with claimed(tmp_path):
                raise AssertionError
        assert (tmp_path / ".lock").exists(), "the loser leaves the lock"
        other.kill()
        other.wait()
        with pytest.warns(FileWarning, match=rf"process {other.pid} locked it and has ended; its lock is taken over"):
            with claimed(tmp_path):
                assert json.loads((tmp_path / ".lock").read_text())["process"] == os.getpid()
    assert not any(tmp_path.iterdir())


def test_another_thread_is_refused(tmp_path):
    found = []

    def work():
        try:
            with claimed(tmp_path):
                found.append(None)
        except ValueError as error:
            found.append(error)

    with claimed(tmp_path):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert f"in use by process {os.getpid()} on this host" in str(found[0])


def test_locks_of_other_hosts_and_damaged_ones_are_refused(tmp_path):
    for content, message in (
        (
            {"host": "elsewhere"},
            "in use by process 1 on host elsewhere; choose another folder, or remove .*lock if",
        ),
        ({"process": "x"}, "lock cannot be read, so that .* may be in use; remove it if no process works there"),
    ):
        lock(tmp_path, **content)
        with pytest.raises(ValueError, match=message):
            with claimed(tmp_path):
                raise AssertionError
    # The number of this very process, which began at another time.
    lock(tmp_path, process=os.getpid(), started=-1)
    if sys.platform == "linux":
        with pytest.warns(FileWarning, match="taken over"), claimed(tmp_path):
            pass


def test_other_options_are_named_with_both_values():
    before = {"out": "a", "network": {"widths": [4, 8]}, "seed": 0, "long": "x" * 500}
    check_same("runs/a", before, {**before, "out": "b", "network": {"widths": (4, 8)}}, leave_out=("out",))
    changed = {**before, "network": {"widths": [4]}, "more": True, "long": "y" * 500}
    with pytest.raises(ValueError, match="runs/a was started with other options: ") as told:
        check_same("runs/a", before, changed)
    assert "network.widths ([4, 8], now [4])" in str(told.value)
    assert "more (None, now True); give those again, or choose another folder" in str(told.value)
    assert len(str(told.value)) < 700
    with pytest.raises(ValueError, match=re.escape("its value (3, now [1])")):
        check_same("runs/a", 3, [1])


def test_another_number_of_cores_is_said():
    warn_of_cores("runs/a", None)
    warn_of_cores("runs/a", cores())
    with pytest.warns(
        FileWarning, match=rf"runs/a: started with 999 cores, resumes with {cores()}: results may differ"
    ):
        warn_of_cores("runs/a", 999)
