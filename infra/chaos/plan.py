"""What happens in a run, in order: messages of every kind, jobs, and people who change their minds. A seed repeats it."""

import json
import random
from dataclasses import dataclass, field
from typing import Any

from local.settings import ROOT
from soak.rows import number

_EXAMPLES = json.loads((ROOT / "shared/src/message/template/shipped/examples.json").read_text())

# Last digits of numbers that fail at Twilio (tests/simulator/src/twilio/magic.rs), and mailboxes that do at either provider.
_BAD_ENDS = ("03", "04", "09", "30", "31", "33", "35", "37")
_BAD_MAILBOXES = ("bounced", "blocked", "dropped", "deferred", "complained", "unsubscribed")

# How many of a hundred messages are of a kind; those of jobs come on top.
_KINDS = {
    "sms": 18, "whatsapp": 14, "mail": 18, "mail_sendgrid": 7, "call": 7, "urgent": 18, "trigger": 6, "scheduled": 9, "marketing": 3,
}
# Of a hundred messages, how many are followed by each kind of wish.
_WISHES = {"stop": 3, "opt_out_webhook": 1, "suppress": 3, "cancel": 6, "reschedule": 4}
_URGENT = ("security_alert", "emergency_notification", "financial_alert", "payment_reminder", "inspection_reminder")
_TRIGGERS = ("payment_confirmation", "task_assignment", "user_invitation", "document_request")
_PER_PERSON = 3
_PER_POOL_ADDRESS = 5
_JOB_SHARE = 0.25


@dataclass(frozen=True)
class Person:
    id: int
    phone: str
    email: str


@dataclass(frozen=True)
class Send:
    index: int
    kind: str
    path: str
    body: dict[str, Any]
    later: float | None = None  # seconds until it is to go
    person: Person | None = None


@dataclass(frozen=True)
class Job:
    index: int
    channel: str
    rows: tuple[str, ...]
    bad: int  # rows without an address
    by_upload: bool


@dataclass(frozen=True)
class Wish:
    kind: str
    address: str = ""
    index: int = -1  # of the message or job
    later: float = 0.0


@dataclass
class Plan:
    persons: list[Person] = field(default_factory=list)
    steps: list[Send | Job | Wish] = field(default_factory=list)

    def sends(self) -> int:
        return sum(isinstance(step, Send) for step in self.steps)

    def rows(self) -> int:
        return sum(len(step.rows) for step in self.steps if isinstance(step, Job))


class _Maker:
    def __init__(self, dice: random.Random, messages: int) -> None:
        self._dice = dice
        self._next = 0
        jobs = max(2, min(12, messages // 400))
        self._job_rows = int(messages * _JOB_SHARE) // jobs
        self._jobs = jobs
        self._singles = messages - self._job_rows * jobs
        of_persons = sum(_KINDS[kind] for kind in ("urgent", "trigger", "marketing")) / 100
        self._people = [self._person(place) for place in range(max(3, int(self._singles * of_persons / _PER_PERSON)))]
        size = max(3, int(self._singles * 0.2 / _PER_POOL_ADDRESS))
        self._phones = [self._phone() for _ in range(size)]
        self._mails = [self._mail() for _ in range(size)]
        self._recent: list[int] = []
        self._scheduled: list[int] = []
        self._moved: set[int] = set()

    def make(self) -> Plan:
        plan, dice = Plan(self._people), self._dice
        every = max(1, self._singles // (self._jobs + 1))
        pending: list[tuple[int, Wish]] = []
        made = 0
        for index in range(self._singles):
            plan.steps.append(self._send(index))
            if index % every == every // 2 and made < self._jobs:
                plan.steps.append(self._job(made))
                pending += self._job_steps(made, index)
                made += 1
            for kind, of_hundred in _WISHES.items():
                if dice.uniform(0, 100) < of_hundred and (wish := self._wish(kind)):
                    plan.steps.append(wish)
            plan.steps += [wish for at, wish in pending if at == index]
        plan.steps += [wish for at, wish in pending if at >= self._singles]
        return plan

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _phone(self, bad: float = 0.1) -> str:
        mine = self._number()
        if self._dice.random() < bad:
            return f"+1500{mine % 100_000:05d}{self._dice.choice(_BAD_ENDS)}"
        return number(mine)

    def _mail(self, bad: float = 0.1) -> str:
        mine = self._number()
        if self._dice.random() < bad:
            return f"{self._dice.choice(_BAD_MAILBOXES)}+chaos-{mine}@simulator.example"
        return f"chaos-{mine}@mailbox.example"

    def _person(self, place: int) -> Person:
        return Person(7_000_000 + place, self._phone(0.3), self._mail(0.2))

    def _to_phone(self) -> str:
        return self._dice.choice(self._phones) if self._dice.random() < 0.25 else self._phone()

    def _to_mail(self) -> str:
        return self._dice.choice(self._mails) if self._dice.random() < 0.25 else self._mail()

    def _send(self, index: int) -> Send:
        kind = self._dice.choices(list(_KINDS), list(_KINDS.values()))[0]
        text = f"Chaos \u2019{index}\u2019: words of its own"
        self._recent = [*self._recent[-30:], index]
        match kind:
            case "sms":
                return Send(index, kind, "/api/v1/twilio/send-sms", {"to": self._to_phone(), "body": text})
            case "whatsapp":
                return Send(index, kind, "/api/v1/twilio/send-whatsapp", {"to": self._to_phone(), "body": text})
            case "mail" | "mail_sendgrid":
                return Send(index, kind, "/api/v2/communications/email", self._mail_body(text, kind == "mail_sendgrid"))
            case "call":
                return Send(index, kind, "/api/v1/twilio/initiate-call", {"to": self._to_phone(), "message": text})
            case "scheduled":
                return self._later(index, text)
            case "urgent":
                channel = self._dice.choice(("sms", "sms", "whatsapp", "voice", "email"))
                fallback = self._dice.choice(("auto", ["whatsapp", "email"], ["email"]))
                return self._to_person(index, kind, self._dice.choice(_URGENT), channel, fallback)
            case "trigger":
                return self._to_person(index, kind, self._dice.choice(_TRIGGERS), self._dice.choice(("sms", "email", "whatsapp")), "none")
            case _:
                return self._to_person(index, kind, self._dice.choice(("weekly_checkin", "monthly_report")), "email", "none")

    def _mail_body(self, text: str, by_sendgrid: bool) -> dict[str, Any]:
        priority = self._dice.choice(("critical", "high", "medium", "low"))
        body = {"to": self._to_mail(), "subject": "Chaos", "text": text, "priority": priority}
        return body | ({"from": "sender@example.com"} if by_sendgrid else {})

    def _later(self, index: int, text: str) -> Send:
        self._scheduled.append(index)
        later = self._dice.uniform(10, 60)
        match self._dice.choice(("sms", "mail", "call")):
            case "sms":
                path, body = "/api/v2/communications/sms", {"to": self._to_phone(), "message": text}
            case "mail":
                path, body = "/api/v2/communications/email", self._mail_body(text, False)
            case _:
                path, body = "/api/v2/communications/calls", {"to": self._to_phone(), "message": text, "purpose": "chaos"}
        return Send(index, "scheduled", path, body, later)

    def _to_person(self, index: int, kind: str, trigger: str, channel: str, fallback: Any) -> Send:
        person = self._dice.choice(self._people)
        body = {"user_id": person.id, "trigger_type": trigger, "data": _EXAMPLES[trigger], "channel": channel, "fallback": fallback}
        return Send(index, kind, "/api/communication/send", body, None, person)

    def _wish(self, kind: str) -> Wish | None:
        dice = self._dice
        match kind:
            case "stop" | "opt_out_webhook":
                return Wish(kind, dice.choice(self._phones))
            case "suppress":
                return Wish(kind, dice.choice(self._phones + self._mails))
            case "cancel":
                among = self._scheduled if self._scheduled and dice.random() < 0.6 else self._recent
                return Wish(kind, index=dice.choice(among[-20:]))
            case _:
                waiting = [index for index in self._scheduled[-20:] if index not in self._moved]
                if not waiting:
                    return None
                self._moved.add(index := dice.choice(waiting))
                return Wish(kind, index=index, later=dice.uniform(5, 60))

    def _job(self, place: int) -> Job:
        channel = self._dice.choice(("sms", "email", "whatsapp"))
        make = self._mail if channel == "email" else self._phone
        rows = tuple(make(0.05) for _ in range(self._job_rows))
        return Job(place, channel, rows, self._dice.randrange(0, 3), self._dice.random() < 0.5)

    def _job_steps(self, place: int, index: int) -> list[tuple[int, Wish]]:
        chance, soon = self._dice.random(), max(2, self._singles // 30)
        if chance < 0.4:
            return [(index + 1, Wish("job_pause", index=place)), (index + 1 + soon, Wish("job_resume", index=place))]
        if chance < 0.6:
            return [(index + 1 + soon, Wish("job_cancel", index=place))]
        return []


def make(seed: int, messages: int) -> Plan:
    return _Maker(random.Random(seed), messages).make()
