"""Nothing is wrong any more: everything that waits is brought to its end, and time passes where a wait is long."""

import time
from collections import Counter
from typing import Any

from local.progress import Failure, say

from .client import Client
from .tables import Row, Tables
from .traffic import Traffic

FINAL = ("delivered", "undelivered", "failed", "blocked", "cancelled", "expired")
# A worker that was at it when the faults ended has let go of it: the longest claim, and a call within it.
_SETTLE_SECONDS = 45
# After this many looks nobody will tell what became of a message any more: its 23 hours pass.
_LOOKS_UNTIL_A_DAY = 6
_ROUND_SECONDS = 4


class Healing:
    def __init__(self, record: dict[str, Any], traffic: Traffic, tables: Tables, record_arrivals: Any) -> None:
        self._client = Client(record)
        self._traffic = traffic
        self._tables = tables
        self._record_arrivals = record_arrivals
        self._looks: Counter[str] = Counter()
        self.cancelled_at_the_end = 0

    def run(self, within: float) -> dict[str, Row]:
        """Repeats what was not answered, then waits until nothing waits. Gives the messages as they are then."""
        self._repeat()
        begun = time.monotonic()
        said = 0.0
        while True:
            self._tables.sweep()
            rows, waits = self._look(time.monotonic() - begun > _SETTLE_SECONDS)
            if not waits:
                return rows
            passed = time.monotonic() - begun
            if passed > within:
                say(f"Still waiting after {within:.0f} s: {waits}")
                return rows
            if passed - said > 15:
                said = passed
                say(f"{passed:6.0f} s of healing; waiting: {waits}")
            time.sleep(_ROUND_SECONDS)

    def _repeat(self) -> None:
        for job in self._traffic.jobs.values():
            self._traffic.make_job(self._client, job, 20)
            if job.id is None:
                raise Failure("A job was not accepted although nothing is wrong any more")
        for sent in self._traffic.sent.values():
            if sent.id is None:
                sent.late = True
                self._traffic.send(self._client, sent, 20)
        for granted in self._traffic.granted:
            if granted.wish.kind == "job_pause" and granted.until is None:
                granted.until = time.time()
        for job in self._traffic.jobs.values():
            status = self._client.must("GET", f"/api/v2/communications/jobs/{job.id}")["status"]
            if status == "paused":
                self._client.api("POST", f"/api/v2/communications/jobs/{job.id}/resume", {})

    def _look(self, time_passes: bool) -> tuple[dict[str, Row], dict[str, int]]:
        waits: Counter[str] = Counter()
        self._record_arrivals()
        rows = self._tables.messages()
        now = time.time()
        for row in rows.values():
            if row["status"] in FINAL and "due_at" not in row:
                continue
            waits[row["status"] if row["status"] not in FINAL else f"{row['status']}, not done with"] += 1
            if time_passes:
                self._let_pass(row, now)
        for row in self._tables.scan("deliveries"):
            if "due_at" in row:
                waits["deliveries"] += 1
                if time_passes:
                    self._tables.delivery_is_due(row)
        for job in self._tables.open_jobs():
            waits["jobs"] += 1
            if time_passes:
                self._tables.age_job(job, 120)
        if texts := self._tables.inbound_waiting():
            waits["texts from people"] = texts
        for queue in ("callbacks", "events"):
            if records := self._tables.queue(queue)["visible"]:
                waits[f"records of {queue}"] = records
        return rows, dict(waits)

    def _let_pass(self, row: Row, now: float) -> None:
        """Lets the time come for which a message waits."""
        if row["status"] == "held" and self._waits_for_a_quota(row["id"]):
            status, _, _ = self._client.api("POST", f"/api/communication/cancel/{row.get('task', row['id'])}", {})
            self.cancelled_at_the_end += status == 200
            return
        next_ = max(float(row.get(name, 0)) / 1000 for name in ("not_before", "due_at", "lease_until"))
        seconds = next_ - now + 1
        self._looks[row["id"]] += 1
        if row["status"] in ("uncertain", "retrying", "held") and self._looks[row["id"]] > _LOOKS_UNTIL_A_DAY and "unsure_since" in row:
            seconds = 24 * 3_600
        if seconds < 1:
            return
        self._client.simulator("POST", "/_sim/age", {"our_id": row["id"], "seconds": int(seconds) + 1})
        self._tables.age(row, int(seconds) + 1)

    def _waits_for_a_quota(self, id_: str) -> bool:
        message = self._client.must("GET", f"/api/v2/communications/messages/{id_}")
        return message["held_because"] in ("frequency_cap", "frequency_preference")
