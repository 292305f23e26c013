"""Carrying a plan out: every request with its key, every answer with its time."""

import csv
import io
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from soak.api import put

from .client import Client
from .plan import Job, Plan, Send, Wish

WORKERS = 8
_TRIES = 3
_SENDER = {"sms": "+15005550006", "whatsapp": "+14155238886"}


@dataclass
class Sent:
    """A request to send, and what was answered."""

    step: Send
    key: str
    scheduled: float | None = None
    id: str | None = None
    refused: str | None = None  # the reason of a 403, whose message is kept as well
    statuses: list[int] = field(default_factory=list)
    late: bool = False  # answered only after everything was mended
    replayed: bool = False  # the late answer says that it had been accepted before


@dataclass
class Granted:
    """A wish with the time of its 2xx."""

    wish: Wish
    at: float
    target: str  # an address, a message id, or a job id
    until: float | None = None  # of a pause: when it was resumed; of a new time: that time


@dataclass
class MadeJob:
    step: Job
    key: str
    id: str | None = None
    answer: dict[str, Any] | None = None
    uploaded: bool = False
    cancelled: bool = False


class Traffic:
    """Runs the steps of a plan from several threads."""

    def __init__(self, record: dict[str, Any], plan: Plan, seed: int) -> None:
        self._record = record
        self._seed = seed
        self.sent = {step.index: Sent(step, f"chaos-{seed}-{step.index}") for step in plan.steps if isinstance(step, Send)}
        self.jobs = {step.index: MadeJob(step, f"chaos-job-{seed}-{step.index}") for step in plan.steps if isinstance(step, Job)}
        self.granted: list[Granted] = []
        self.refused: dict[str, int] = {}
        self.unexpected: list[str] = []
        self._lock = threading.Lock()
        self._steps = iter(plan.steps)
        self.done = 0

    def run(self) -> None:
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _next(self) -> Iterator[Send | Job | Wish]:
        while True:
            with self._lock:
                step = next(self._steps, None)
                self.done += 1
            if step is None:
                return
            yield step

    def _work(self) -> None:
        client = Client(self._record)
        for step in self._next():
            try:
                if isinstance(step, Send):
                    self.send(client, self.sent[step.index], _TRIES)
                elif isinstance(step, Job):
                    self.make_job(client, self.jobs[step.index], _TRIES)
                else:
                    self._wish(client, step)
            except Exception as error:  # noqa: BLE001 - the run goes on, and fails at its end
                self.unexpected.append(f"{step}: {type(error).__name__}: {error}")

    # ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, client: Client, sent: Sent, tries: int) -> None:
        """Sends until there is an answer that says what became of it, or `tries` are over."""
        body = dict(sent.step.body)
        if sent.step.later is not None:
            sent.scheduled = sent.scheduled or time.time() + sent.step.later
            body["scheduled_time"] = _text(sent.scheduled)
        for _ in range(tries):
            status, answer, headers = client.api("POST", sent.step.path, body, sent.key)
            sent.statuses.append(status)
            if status in (200, 202):
                sent.id = answer.get("task_id") or answer.get("message_id")
                sent.replayed = headers.get("idempotency-replay") == "true"
                return
            if status == 403:
                sent.id, sent.refused = answer.get("task_id") or answer.get("message_id"), str(answer.get("reason"))
                return
            if 400 <= status < 500 and status != 429:
                self.unexpected.append(f"{sent.step.path} {body}: {status} {answer}")
                return
            time.sleep(0.3)

    # ── Jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def make_job(self, client: Client, job: MadeJob, tries: int) -> None:
        step = job.step
        words = {"subject": "Chaos", "text": f"Chaos job {step.index}"} if step.channel == "email" else {"message": f"Chaos job {step.index}"}
        body: dict[str, Any] = {"channel": step.channel, "class": "transactional", **words}
        if not step.by_upload:
            body["recipients"] = [{"to": to} for to in (*step.rows, *["nowhere"] * step.bad)]
        for _ in range(tries):
            if job.id is None:
                status, answer, _ = client.api("POST", "/api/v2/communications/jobs", body, job.key)
                if status == 202:
                    job.id, job.answer = answer["job_id"], answer
                elif 400 <= status < 500 and status != 429:
                    self.unexpected.append(f"job: {status} {answer}")
                    return
            if job.id is not None and (not step.by_upload or self._upload(job)):
                return
            time.sleep(0.3)

    def _upload(self, job: MadeJob) -> bool:
        if job.uploaded:
            return True
        written = io.StringIO()
        lines = csv.writer(written)
        lines.writerow(["to"])
        lines.writerows([to] for to in (*job.step.rows, *["nowhere"] * job.step.bad))
        upload = (job.answer or {}).get("upload") or {}
        try:
            put(upload["url"], upload["headers"], written.getvalue().encode())
        except (OSError, RuntimeError):
            return False
        job.uploaded = True
        return True

    # ── Wishes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wish(self, client: Client, wish: Wish) -> None:
        match wish.kind:
            case "stop":
                channel = "whatsapp" if int(wish.address[-3]) % 2 else "sms"
                said = {"channel": channel, "from": wish.address, "to": _SENDER[channel], "text": "STOP"}
                answer = client.simulator("POST", "/_sim/inbound", said)
                self._answered(wish, answer.get("status") or 0, wish.address)
            case "opt_out_webhook":
                form = {"From": wish.address, "To": _SENDER["sms"], "Body": "STOP", "MessageSid": f"SM{uuid.uuid4().hex}"}
                status = client.form("/api/communication/webhooks/sms-opt-out", form)
                self._answered(wish, status, wish.address)
            case "suppress":
                status, _, _ = client.api("POST", "/api/communication/suppressions", {"address": wish.address, "reason": "manual"})
                self._answered(wish, status, wish.address)
            case "cancel" | "reschedule":
                self._of_message(client, wish)
            case _:
                self._of_job(client, wish)

    def _of_message(self, client: Client, wish: Wish) -> None:
        sent = self.sent[wish.index]
        if sent.id is None:
            return
        if wish.kind == "cancel":
            status, _, _ = client.api("POST", f"/api/communication/cancel/{sent.id}", {})
            self._answered(wish, status, sent.id)
            return
        to = time.time() + wish.later
        path = f"/api/v2/communications/messages/{sent.id}/reschedule"
        status, _, _ = client.api("POST", path, {"scheduled_time": _text(to)})
        self._answered(wish, status, sent.id, to)

    def _of_job(self, client: Client, wish: Wish) -> None:
        job = self.jobs[wish.index]
        if job.id is None:
            return
        step = wish.kind.removeprefix("job_")
        asked = time.time()
        status, _, _ = client.api("POST", f"/api/v2/communications/jobs/{job.id}/{step}", {})
        if step == "resume":
            for granted in self.granted:
                if granted.target == job.id and granted.wish.kind == "job_pause":
                    granted.until = asked
        else:
            job.cancelled = job.cancelled or (step == "cancel" and status != 409)
            self._answered(wish, status, job.id)

    def _answered(self, wish: Wish, status: int, target: str, until: float | None = None) -> None:
        with self._lock:
            if 200 <= status < 300:
                self.granted.append(Granted(wish, time.time(), target, until))
            else:
                name = f"{wish.kind} {status}"
                self.refused[name] = self.refused.get(name, 0) + 1


def _text(at: float) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=at)).isoformat()
