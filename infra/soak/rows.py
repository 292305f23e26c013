"""The rows of the soak: distinct numbers, and here and there one that cannot be a number."""

import csv
import io
from dataclasses import dataclass


@dataclass(frozen=True)
class Rows:
    text: str
    good: int
    bad_lines: frozenset[int]  # as an editor counts them; the header is line 1


def make(count: int, bad: int) -> Rows:
    """`bad` of the rows, spread evenly, hold no number."""
    if not 0 <= bad < count <= 100_000:
        raise ValueError(f"{count} rows with {bad} bad ones: a job has 1 to 100000 rows, and some must be good")
    every = count // bad if bad else count + 1
    written, bad_lines = io.StringIO(), set()
    lines = csv.writer(written)
    lines.writerow(["to", "name"])
    for row in range(count):
        broken = len(bad_lines) < bad and row % every == every // 2
        if broken:
            bad_lines.add(row + 2)
        lines.writerow(["not a number" if broken else number(row), f"Person {row}"])
    return Rows(written.getvalue(), count - len(bad_lines), frozenset(bad_lines))


def number(row: int) -> str:
    """A US number of an area code that exists, one for each row: +1 2xx 5xx xxxx."""
    area = ("212", "312", "415", "617", "713", "206", "305", "404", "503", "602")[row % 10]
    rest = row // 10
    return f"+1{area}{200 + rest // 10_000:03d}{rest % 10_000:04d}"
