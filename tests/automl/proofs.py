"""Lists of claims, each with the tests that hold it: `name | … | tests`, a line each."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEST = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")


def claims(path: Path) -> list[list[str]]:
    """The parts of each line; the first is its name, the last one names tests."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[part.strip() for part in line.split(" | ")] for line in lines if line.strip() and line[0] != "#"]


def lacking(named: str) -> list[str]:
    """The tests of a claim that do not exist; what is no test lacks, too."""
    gone = [each for each in named.split() if not TEST.fullmatch(each)]
    for file, test in TEST.findall(named):
        source = ROOT / file
        if not source.is_file() or not re.search(rf"^(?:async )?def {test}\(", source.read_text("utf-8"), re.MULTILINE):
            gone.append(f"{file}::{test}")
    return gone
