"""What a process has loaded moves to huge pages, where the kernel lets it, and stays what it is."""

import re
import subprocess
import sys
from pathlib import Path

from app.operations.processes import huge_pages

PROGRAM = """
import re
from app.operations.processes import huge_pages
loaded = [bytes([number % 256]) * 1_000 for number in range(100_000)]
taken, smaps = huge_pages.take(), open("/proc/self/smaps_rollup").read()
assert all(each == bytes([number % 256]) * 1_000 for number, each in enumerate(loaded))
print(taken, *re.findall(r"AnonHugePages: +(\\d+)", smaps))
"""


def test_what_is_loaded_stays_what_it_is():
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    taken, kilobytes = map(int, ended.stdout.split())
    size = int((huge_pages.KERNEL / "hpage_pmd_size").read_text())
    release = [int(part) for part in re.findall(r"\d+", Path("/proc/sys/kernel/osrelease").read_text())[:2]]
    is_possible = release >= [6, 1] and "[never]" not in (huge_pages.KERNEL / "enabled").read_text()
    assert (taken > 0) == is_possible
    assert kilobytes * 1_024 >= taken * size


def test_an_operator_may_forbid_it(tmp_path, monkeypatch):
    monkeypatch.setattr(huge_pages, "KERNEL", tmp_path)
    assert huge_pages.take() == 0  # another kernel has no such file
    (tmp_path / "enabled").write_text("always madvise [never]\n")
    (tmp_path / "hpage_pmd_size").write_text("2097152\n")
    assert huge_pages.take() == 0
