"""Reading a range of a long video: `python -m tests.bench.frames`. 300 s × 30 fps × 5 objects, 10 s of it by range."""

import io
import random
import resource
import statistics
import sys
import time

from app.formats import frames
from app.formats.frames import FrameSample, FramesHeader, ObjectHeader

SECONDS, FPS, OBJECTS, RUNS = 300, 30, 5, 50
MIB = 2**20


def track(seed: int) -> list[FrameSample]:
    """An object that wanders about."""
    chance = random.Random(seed)
    x = y = 0.4
    samples = []
    for number in range(SECONDS * FPS):
        x = min(0.7, max(0.0, x + chance.gauss(0, 0.002)))
        y = min(0.7, max(0.0, y + chance.gauss(0, 0.002)))
        samples.append(FrameSample(number, (x, y, 0.2, 0.2), chance.random(), 5 + chance.random()))
    return samples


def main() -> None:
    """Writes a file, reads ranges of it, and prints what that took."""
    target = io.BytesIO()
    header = FramesHeader("AI", 1, fps=float(FPS), duration=float(SECONDS))
    frames.write(header, [(ObjectHeader(number + 1, "animal"), track(number)) for number in range(OBJECTS)], target)
    content = target.getvalue()
    rest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = []
    for run in range(RUNS):
        first = (run * 173) % (SECONDS * FPS - 300)
        begun = time.process_time()
        found = frames.read_range(io.BytesIO(content), from_frame=first, to_frame=first + 299, samples_max=100_000)
        took.append((time.process_time() - begun) * 1_000)
        assert sum(len(samples) for _, samples in found.objects) == 300 * OBJECTS
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rest) / 1_024
    sys.stdout.write(
        f"{SECONDS} s at {FPS} fps, {OBJECTS} objects: {len(content) / 1_000:,.0f} kB\n"
        f"10 s of it: median {statistics.median(took):.1f} ms of CPU, worst {max(took):.1f} ms, "
        f"{grown:.1f} MB above rest\n"
    )


if __name__ == "__main__":
    main()
