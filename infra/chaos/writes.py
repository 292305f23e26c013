"""The conditional writes of the code, by their names: whoever makes one names it (`write_token::named`), and the proxy sees the name."""

import re

from local.settings import ROOT

from .account import Account

LOST = "lost answers of "

# Not conditional writes: reads that name their errors through a helper.
_READS = {
    "anchors.read", "budgets.spent", "deliveries.due", "ephemera.load", "files.read", "files.sign", "messages.due", "messages.held",
    "messages.several",
}

# What a run cannot count on, and where its answers are lost instead.
ELSEWHERE = {
    "jobs.fail": "of a job whose rows are gone: tests/e2e/jobs/long.rs",
    "messages.replace_content": "of an erased recipient of a large e-mail: tests/e2e/privacy/erase.rs",
    "messages.unrecorded": "of a recorded call: tests/e2e/voice/record.rs",
    "messages.unwanted": "of an erased person's call: tests/e2e/voice/erased.rs",
    "otp.claim_request": "with Twilio Verify alone: tests/e2e/otp/verified.rs",
    "otp.held": "the same",
    "otp.verified_by": "the same",
    "reindex.message": "when a lookup key is changed: tests/e2e/when_keys_change",
    "reseal.action": "when a sealing key is changed: tests/e2e/when_keys_change.rs",
    "reseal.row": "the same",
    "two_factor.use_up": "of an assertion for an action: tests/e2e/twofa/step_up.rs",
}

_NAME = re.compile(r'(?<!unavailable\()(?<!operation: )"([a-z_]+\.[a-z_]+)"')


def of_the_code() -> set[str]:
    """Every name that a store gives to a conditional write. Errors of reads and of transactions are named too, elsewhere."""
    names: set[str] = set()
    for path in (ROOT / "shared" / "src" / "store").rglob("*.rs"):
        if path.name == "tests.rs":
            continue
        source = path.read_text().split("#[cfg(test)]\nmod tests", 1)[0]
        names |= set(_NAME.findall(source))
    return names - _READS


def compare(account: Account, at_aws: dict[str, int]) -> tuple[int, int, list[str]]:
    """How many writes there are, of how many an answer was lost, and which of the others a run reaches by chance alone."""
    names = of_the_code()
    lost = {name.removeprefix(LOST) for name in at_aws if name.startswith(LOST)}
    if strange := sorted(name for name in lost - names if not name.startswith("sqs.")):
        account.complain("never lost", f"the list of the code's writes lacks {', '.join(strange)}")
    return len(names), len(lost & names), sorted(names - lost - ELSEWHERE.keys())
