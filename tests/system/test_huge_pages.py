"""What a process has loaded moves to huge pages, where the kernel lets it, and stays what it is."""

import subprocess
import sys

import pytest

from app.operations.processes import huge_pages

PROGRAM = """
import re
from app.operations.processes import huge_pages
loaded = [bytes([number % 256]) * 1_000 for number in range(100_000)]
taken, smaps = huge_pages.take(), open("/proc/self/smaps_rollup").read()
assert all(each == bytes([number % 256]) * 1_000 for number, each in enumerate(loaded))
print(taken, *re.findall(r"AnonHugePages: +(\\d+)", smaps))
"""
# The heap, memory of its own, too little of it, code, and a file that is mapped.
MAPS = """5ff000-a01000 rw-p 00000000 00:00 0                                  [heap]
7f0000100000-7f0000400000 rw-p 00000000 00:00 0
7f0001000000-7f0001100000 rw-p 00000000 00:00 0
7f0002000000-7f0003000000 r-xp 00000000 fe:00 17                         /usr/bin/python3
7f0004000000-7f0005000000 rw-p 00000000 fe:00 18                         /usr/lib/libpython3.so
"""


def test_what_is_loaded_stays_what_it_is():
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    taken, kilobytes = map(int, ended.stdout.split())
    if taken:  # a kernel that cannot, or has no room, leaves all where it is
        size = int((huge_pages.KERNEL / "hpage_pmd_size").read_text())
        assert kilobytes * 1_024 >= taken * size


@pytest.mark.parametrize("mode", ["always [madvise] never", "[always] madvise never"])
def test_each_whole_page_of_its_own_memory_is_asked_for(tmp_path, monkeypatch, mode):
    asked = []
    monkeypatch.setattr(huge_pages, "KERNEL", tmp_path)
    monkeypatch.setattr(huge_pages, "MAPS", tmp_path / "maps")
    monkeypatch.setattr(huge_pages, "_collapse", lambda address, size: asked.append((address, size)) or True)
    (tmp_path / "enabled").write_text(f"{mode}\n")
    (tmp_path / "hpage_pmd_size").write_text("2097152\n")
    (tmp_path / "maps").write_text(MAPS)
    assert huge_pages.take() == 3
    assert asked == [(0x600000, 0x200000), (0x800000, 0x200000), (0x7F0000200000, 0x200000)]


def test_an_operator_may_forbid_it(tmp_path, monkeypatch):
    monkeypatch.setattr(huge_pages, "KERNEL", tmp_path)
    assert huge_pages.take() == 0  # another kernel has no such file
    (tmp_path / "enabled").write_text("always madvise [never]\n")
    (tmp_path / "hpage_pmd_size").write_text("2097152\n")
    assert huge_pages.take() == 0
