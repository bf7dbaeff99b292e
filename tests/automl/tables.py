"""Tables with a known truth, drawn from a seed."""

from random import Random

COLOURS = ("red", "green", "blue")


def table(output: str = "fits", *, seed: int = 1, rows: int = 120, groups: int = 0) -> bytes:
    """`fits` or `price` follows from size and colour, with a little noise; with groups, each row is of a patient."""
    random = Random(seed)
    header = f"size,colour,{output}" + (",patient" if groups else "")
    lines = [header]
    for _ in range(rows):
        size, colour = random.gauss(0, 1), random.choice(COLOURS)
        fits = "yes" if size + (colour == "red") + random.gauss(0, 0.2) > 0.3 else "no"
        price = 100 + 25 * size + 9 * (colour == "blue") + random.gauss(0, 1)
        cells = [f"{size:.3f}", colour, fits if output == "fits" else f"{price:.2f}"]
        lines.append(",".join(cells + ([f"p{random.randrange(groups)}"] if groups else [])))
    return "\n".join(lines).encode() + b"\n"
