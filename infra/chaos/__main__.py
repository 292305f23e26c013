"""`make chaos MESSAGES=5000`: messages of every kind through a stack of their own while providers, the connection to AWS and the
functions' processes fail. Then nothing fails any more, everything is brought to its end, and the account is drawn up; it fails
if a message was lost, came twice, came against a wish, got stuck, or if a number is not what the rows say."""

import dataclasses
import os
import random
import secrets
import sys
import threading
import time
from typing import Any

from local import build, processes, settings
from local.__main__ import _for_tests
from local.progress import Failure, say
from local.stack import Stack

from . import account, faults, plan, report, writes
from .arrivals import Arrivals
from .claims import Claims
from .client import Client
from .heal import Healing
from .subscriber import EVENTS, Subscriber
from .tables import Tables
from .tour import Tour
from .traffic import Traffic

_WEBHOOKS = "/api/v2/communications/webhooks"
# More than a run can spend, so that every message is counted and none is held.
_BUDGET = {"daily": 1_000_000, "monthly": 1_000_000}
# Workers believe what they know of budgets and subscribers for five seconds.
_KNOWN_SECONDS = 6


def main() -> int:
    messages = int(os.environ.get("MESSAGES", "1000"))
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    kill_every = float(os.environ.get("KILL", "3"))
    heal_seconds = float(os.environ.get("HEAL_SECONDS", "900"))
    config = settings.load()
    own = _for_tests(config)
    own = dataclasses.replace(
        own,
        directory=config.directory / "chaos",
        functions_aws_port=processes.free_port(),
        parameters_changed={"PaceResend": "50", "RateLimitRecipients": "1000000"},
    )
    os.environ["SIM_SEED"] = str(seed)
    stack = Stack(own)
    stack.down()
    proxy = None
    try:
        # The functions are built first: what the proxy is before is not there yet, and nobody asks it.
        proxy = faults.Proxy(build.fault_proxy(own), own.functions_aws_port or 0, own.aws_port, seed)
        proxy.set({})
        record = stack.up(bound_to_us=True)
        say(f"Seed {seed}: repeat this run with SEED={seed} MESSAGES={messages}")
        return _run(record, proxy, plan.make(seed, messages), seed, kill_every, heal_seconds)
    finally:
        stack.stop_started()
        if proxy:
            proxy.stop()


def _run(record: dict[str, Any], proxy: faults.Proxy, planned: plan.Plan, seed: int, kill_every: float, heal_seconds: float) -> int:
    client, tables, arrivals = Client(record), Tables(record), Arrivals(record)
    subscriber = Subscriber(random.Random(seed))
    for scope in ("all", "admin"):
        client.must("PUT", f"/api/v2/communications/budgets/{scope}", _BUDGET)
    hopeless = Subscriber(random.Random(seed), hopeless=True)
    events = [f"message.{event}" for event in EVENTS]
    webhook = client.must("POST", _WEBHOOKS, {"url": subscriber.url, "events": events, "description": "chaos"})
    given_up = client.must("POST", _WEBHOOKS, {"url": hopeless.url, "events": ["message.sent"], "description": "hopeless"})
    _register(client, planned)
    time.sleep(_KNOWN_SECONDS)

    say(f"{planned.sends()} messages and {planned.rows()} rows of jobs, to {len(planned.persons)} people and others; everything fails")
    traffic, begun = Traffic(record, planned, seed), time.monotonic()
    client.simulator("PUT", "/_sim/faults", faults.of_providers(random.Random(seed)))
    proxy.set(faults.AWS_CHANCES)
    subscriber.faulty = True
    killer = faults.Killer(record, kill_every, random.Random(seed)) if kill_every else None
    tour = Tour(record, webhook["webhook"]["id"])
    beside = threading.Thread(target=tour.run, daemon=True)
    beside.start()
    try:
        traffic.run()
        beside.join()
        _until_quiet(tables)
    finally:
        if killer:
            killer.stop()
    struck = {fault["kind"]: 0 for fault in client.simulator("GET", "/_sim/faults")["faults"]}
    for fault in client.simulator("GET", "/_sim/faults")["faults"]:
        struck[fault["kind"]] += fault["hits"]
    client.simulator("DELETE", "/_sim/faults")
    # What only the end writes loses its answers too; whoever repeats it does not notice.
    at_aws = proxy.set({"each_write": faults.AWS_CHANCES["each_write"]})
    subscriber.faulty = False
    failing = time.monotonic() - begun
    while client.api("DELETE", f"{_WEBHOOKS}/{given_up['webhook']['id']}")[0] not in (200, 204, 404):
        time.sleep(0.5)

    say(f"{failing:.0f} s of faults are over; everything is brought to its end")
    healing = Healing(record, traffic, tables, arrivals.note)
    rows = healing.run(heal_seconds)
    at_aws |= {name: count for name, count in proxy.set({}).items() if name.startswith(writes.LOST)}
    say("The account is drawn up")
    judge = account.Judge(traffic, rows, arrivals.all(), Claims(record, rows))
    result = judge.judge()
    account.webhooks(result, rows, subscriber)
    views = {job.id or "": client.must("GET", f"/api/v2/communications/jobs/{job.id}") for job in traffic.jobs.values()}
    account.jobs(result, traffic, rows, views)
    spent = {scope: _spent(client, scope) for scope in ("all", "admin")}
    killed = killer.killed if killer else {}
    off = account.budget(result, rows, spent, sum(killed.values()) + at_aws.get("swallowed", 0) + at_aws.get("reset", 0))
    interrupted = killed.get("deliver", 0) + at_aws.get("throttled", 0) + at_aws.get("reset", 0)
    kept = account.quotas(result, rows, tables, interrupted)
    lost_of = writes.compare(result, at_aws)
    for problem in (*traffic.unexpected, *tour.problems):
        result.complain("unexpected", problem)
    report.write(
        result,
        seed=seed,
        seconds=(failing, time.monotonic() - begun),
        struck=struck,
        at_aws={name: count for name, count in at_aws.items() if not name.startswith(writes.LOST)},
        lost_of=lost_of,
        killed=killed,
        wishes_refused=traffic.refused,
        spent=spent,
        off=off,
        kept=kept,
        dead=tables.dead(),
        dead_records=[record for name, count in tables.dead().items() if count for record in tables.dead_records(name)],
        told=(len(subscriber.told), sum(subscriber.times.values())),
        cancelled_at_the_end=healing.cancelled_at_the_end,
    )
    subscriber.stop()
    hopeless.stop()
    return 1 if result.wrong else 0


def _register(client: Client, planned: plan.Plan) -> None:
    """People with whom it is noon, who agreed to everything."""
    ahead = (12 - time.gmtime().tm_hour + 11) % 24 - 11
    zone = "Etc/GMT" if ahead == 0 else f"Etc/GMT{-ahead:+d}"
    for person in planned.persons:
        texts = {"user_id": person.id, "phone_number": person.phone, "consent_source": "chaos", "send_code": False}
        mails = {"user_id": person.id, "email": person.email, "consent_source": "api", "send_link": False}
        client.must("POST", "/api/communication/consent/sms", texts)
        client.must("POST", "/api/communication/consent/email", mails)
        client.must("PUT", f"/api/communication/preferences/{person.id}", {"time_zone": zone})


def _until_quiet(tables: Tables, within: float = 30) -> None:
    """Lets the last messages meet the faults too."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not any(row["status"] == "accepted" for row in tables.messages().values()):
            return
        time.sleep(2)


def _spent(client: Client, scope: str) -> int:
    view = client.must("GET", f"/api/v2/communications/budgets/{scope}")
    return round(view["daily"]["spent"] * 1_000_000)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)
