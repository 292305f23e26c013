"""The report of a run, as a table."""

import sys
from collections import Counter
from typing import Any

from .account import Account

# What must be nothing, in the order it is told.
TARGETS = ("twice", "lost", "against a wish", "stuck", "denied", "another's id", "wrong end", "untold", "drift", "never lost", "unexpected")
_EXAMPLES = 12


def write(account: Account, *, seed: int, seconds: tuple[float, float], **facts: Any) -> None:
    faults, whole = seconds
    print(f"\n| chaos, seed {seed} | |\n|---|---:|")
    for what, value in (
        ("seconds of faults / in all", f"{faults:.0f} / {whole:.0f}"),
        ("faults of providers", _counts(facts["struck"])),
        ("requests to AWS", _counts(facts["at_aws"])),
        ("conditional writes of the code / of which an answer was lost", f"{facts['lost_of'][0]} / {facts['lost_of'][1]}"),
        ("no answer was lost this time of", ", ".join(facts["lost_of"][2]) or "none of them"),
        ("processes killed", f"{sum(facts['killed'].values())}: {_counts(facts['killed'])}"),
        ("requests accepted / refused at once", f"{account.accepted} / {account.refused}"),
        ("of them answered only after the faults; had been stored", f"{account.answered_late}; {account.had_been_stored}"),
        ("messages in the table (with rows of jobs and fallbacks)", account.rows),
        ("at the provider", _counts(account.times)),
        ("wishes granted", _counts(account.wishes)),
        ("wishes not granted, by status", _counts(facts["wishes_refused"])),
        ("cancelled at the end, because they would wait for another day", facts["cancelled_at_the_end"]),
        ("spent by the sums, millionths", _counts(facts["spent"])),
        ("sums off by", _counts(facts["off"])),
        ("places in quotas kept by messages cancelled before their claim", facts["kept"]),
        ("events told / deliveries taken", f"{facts['told'][0]} / {facts['told'][1]}"),
        ("in dead-letter queues", _counts({name: count for name, count in facts["dead"].items() if count}) or "nothing"),
        *((f"**{target}**", len(account.wrong.get(target, []))) for target in TARGETS),
    ):
        print(f"| {what} | {value} |")
    print("\n| final state | messages |\n|---|---:|")
    for state, count in sorted(account.states.items()):
        print(f"| {state} | {count} |")
    for record in facts["dead_records"][:_EXAMPLES]:
        print(f"in a dead-letter queue: {record}", file=sys.stderr)
    for target, complaints in account.wrong.items():
        for complaint in complaints[:_EXAMPLES]:
            print(f"WRONG ({target}): {complaint}", file=sys.stderr)
        if len(complaints) > _EXAMPLES:
            print(f"WRONG ({target}): {len(complaints) - _EXAMPLES} more", file=sys.stderr)


def _counts(counts: dict[str, Any] | Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
