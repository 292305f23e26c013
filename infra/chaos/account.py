"""The account of a run: what was accepted, what each provider took, what the table says, and where they disagree."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from .arrivals import GOT, LOST_ON_THE_WAY, Arrival
from .claims import Claims
from .heal import FINAL
from .subscriber import Subscriber
from .tables import Row, Tables
from .traffic import Granted, Traffic

# A decision may be this much older than its claim, and the clock's milliseconds are cut off.
_DECISION_SECONDS = 0.3
# A call lasts ten seconds at most, and is begun within ten of its claim.
_CALL_SECONDS = 20
# Workers ask for a job's state at most every two seconds; the question may be delayed, and repeated.
_JOB_SECONDS = 5
# A STOP is kept when it is answered, and heeded when the table's stream brings it, at the latest by the sweep: two minutes.
_HEED_SECONDS = 150
_OUTCOME_UNKNOWN = "outcome_unknown"


@dataclass
class Account:
    accepted: int = 0
    refused: int = 0
    answered_late: int = 0
    had_been_stored: int = 0
    rows: int = 0
    times: Counter[str] = field(default_factory=Counter)  # at the provider once, twice, never
    states: Counter[str] = field(default_factory=Counter)
    wishes: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def complain(self, what: str, about: str) -> None:
        self.wrong[what].append(about)


class Judge:
    def __init__(self, traffic: Traffic, rows: dict[str, Row], arrivals: list[Arrival], claims: Claims) -> None:
        self._traffic = traffic
        self._rows = rows
        self._arrivals = arrivals
        self._claims = claims
        self._of: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in arrivals:
            if arrival.message:
                self._of[arrival.message].append(arrival)
        self.account = Account(rows=len(rows))

    def judge(self) -> Account:
        self._requests()
        for row in self._rows.values():
            self._message(row)
        self._strangers()
        self._repetitions()
        for granted in self._traffic.granted:
            self._wish(granted)
        for sent in self._traffic.sent.values():
            if sent.scheduled and sent.id:
                self._early(sent.id, sent.scheduled)
        return self.account

    # ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _requests(self) -> None:
        account = self.account
        for sent in self._traffic.sent.values():
            if sent.id is None:
                account.complain("stuck", f"request {sent.step.index} was never answered: {sent.statuses}")
                continue
            account.refused += sent.refused is not None
            account.accepted += sent.refused is None
            account.answered_late += sent.late
            account.had_been_stored += sent.late and sent.replayed
            if sent.id not in self._rows:
                account.complain("lost", f"{sent.id} was answered, and is not in the table")
            if sent.refused is not None and self._of[sent.id]:
                account.complain("against a wish", f"{sent.id} was refused ({sent.refused}), and arrived")

    # ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _message(self, row: Row) -> None:
        account, id_ = self.account, row["id"]
        there = self._of[id_]
        status, reason = row["status"], row.get("reason", "")
        account.states[f"{status} {reason}".strip()] += 1
        account.times[("never", "once")[len(there)] if len(there) < 2 else "twice"] += 1
        if len(there) > 1:
            account.complain("twice", f"{id_} ({status}): {[(one.provider, one.id, round(one.at, 1)) for one in there]}")
        ended = status in FINAL or (status == "sent" and "due_at" not in row)
        if not ended:
            account.complain("stuck", f"{id_} is {status}, due {row.get('due_at')}, {self._claims.story(id_)}")
        elif not there and status in ("sent", "delivered", "undelivered"):
            account.complain("lost", f"{id_} is {status}, and no provider has it: {self._claims.story(id_)}")
        elif there:
            self._agrees(row, there[-1])

    def _agrees(self, row: Row, arrival: Arrival) -> None:
        """What the table says of a message that a provider has."""
        status, unknown = row["status"], row.get("reason") == _OUTCOME_UNKNOWN
        provider_id = row.get("provider_id")
        story = f"{row['id']} is {status} {row.get('reason', '')}, {arrival.provider} says {arrival.status}: {self._claims.story(row['id'])}"
        if provider_id and provider_id.split(".")[0] != arrival.id.split(".")[0] and provider_id not in [one.id for one in self._of[row["id"]]]:
            self.account.complain("another's id", f"{row['id']} has {provider_id}, not {arrival.id}")
        if status in ("blocked", "cancelled", "expired") or (status == "failed" and not unknown and arrival.status in GOT):
            self.account.complain("denied", story)
        elif arrival.status in GOT and status not in ("delivered", "sent") and not unknown:
            self.account.complain("wrong end", story)
        elif arrival.status in LOST_ON_THE_WAY and status == "delivered":
            self.account.complain("wrong end", story)
        elif status == "sent" or unknown:
            # Its callback was dropped, and SendGrid cannot be asked.
            self.account.times["taken, and nobody told its end"] += 1
            if arrival.provider == "twilio":
                self.account.complain("wrong end", story)

    def _strangers(self) -> None:
        for arrival in self._arrivals:
            if arrival.message not in self._rows:
                self.account.complain("lost", f"{arrival.provider} has {arrival.id} for {arrival.message}, which is not in the table")

    def _repetitions(self) -> None:
        """The same words twice, though under two ids: by two rows of one request, or by a fallback of what arrived."""
        by_words: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
        for arrival in self._arrivals:
            if "words of its own" in arrival.text:
                by_words[arrival.channel, arrival.text].append(arrival)
            elif arrival.text.startswith("Chaos job"):
                by_words[arrival.to, arrival.text].append(arrival)
        for (_, words), found in by_words.items():
            if len(found) > 1 and len({one.message for one in found}) > 1:
                self.account.complain("twice", f"{words!r} under {[one.message for one in found]}")
        chains: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in self._arrivals:
            if arrival.status in GOT and arrival.message in self._rows:
                chains[self._root(arrival.message)].append(arrival)
        for root, found in chains.items():
            if len({one.message for one in found}) > 1:
                stories = [f"{one.message} {one.channel}: {self._claims.story(one.message or '')}" for one in found]
                self.account.complain("twice", f"the fallback of {root} arrived beside it: {stories}")

    def _root(self, id_: str) -> str:
        while (row := self._rows.get(id_)) and (before := row.get("instead_of")):
            id_ = before
        return id_

    # ── Wishes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wish(self, granted: Granted) -> None:
        self.account.wishes[granted.wish.kind] += 1
        match granted.wish.kind:
            case "stop" | "opt_out_webhook":
                self._to_address(granted, ("sms", "whatsapp"))
            case "suppress":
                self._to_address(granted, ("sms", "whatsapp", "voice", "email"))
            case "cancel":
                for arrival in self._of[granted.target]:
                    self._against(granted, arrival)
            case "reschedule":
                self._early(granted.target, granted.until or 0, granted.at)
            case _:
                self._of_job(granted)

    def _to_address(self, granted: Granted, channels: tuple[str, ...]) -> None:
        for arrival in self._arrivals:
            if arrival.to != granted.target or arrival.channel not in channels or arrival.message not in self._rows:
                continue
            claim = self._claims.before(arrival.message, arrival.at)
            if (claim and claim > granted.at + _DECISION_SECONDS) or arrival.at > granted.at + _CALL_SECONDS:
                if granted.wish.kind in ("stop", "opt_out_webhook") and arrival.at < granted.at + _HEED_SECONDS:
                    self.account.times["sent after a STOP was answered, before it was heeded"] += 1
                else:
                    self._against(granted, arrival)

    def _of_job(self, granted: Granted) -> None:
        until = granted.until or float("inf")
        for id_, row in self._rows.items():
            if row.get("job") != granted.target:
                continue
            for arrival in self._of[id_]:
                claim = self._claims.before(id_, arrival.at)
                if claim and granted.at + _JOB_SECONDS < claim < until:
                    self._against(granted, arrival)

    def _early(self, id_: str, scheduled: float, since: float = 0) -> None:
        moves = [granted for granted in self._traffic.granted if granted.target == id_ and granted.wish.kind == "reschedule"]
        if not since and moves:
            return
        for arrival in self._of[id_]:
            claim = self._claims.before(id_, arrival.at)
            if claim and since < claim < scheduled - 1 and arrival.at < scheduled - 1:
                self.account.complain("against a wish", f"{id_} went {scheduled - claim:.1f} s before its time: {self._claims.story(id_)}")

    def _against(self, granted: Granted, arrival: Arrival) -> None:
        claim = self._claims.before(arrival.message or "", arrival.at) or 0
        late = f"claimed {claim - granted.at:.2f} s and at the provider {arrival.at - granted.at:.2f} s after the answer"
        self.account.complain("against a wish", f"{granted.wish.kind} of {granted.target}: {arrival.message} {late}: {self._claims.story(arrival.message or '')}")


def webhooks(account: Account, rows: dict[str, Row], subscriber: Subscriber) -> None:
    """Each message's end was told at least once, under one id."""
    for row in rows.values():
        if "code" in row:
            continue  # a message with a one-time code is never told of
        ids = subscriber.told.get((row["id"], row["status"]), set())
        if not ids:
            account.complain("untold", f"{row['id']} is {row['status']} {row.get('reason', '')}, and the subscriber was not told")
    for (message, event), ids in subscriber.told.items():
        if len(ids) > 1:
            account.complain("untold", f"{event} of {message} was told under {len(ids)} ids")


def jobs(account: Account, traffic: Traffic, rows: dict[str, Row], views: dict[str, dict[str, Any]]) -> None:
    """A job's counts against its rows."""
    of: dict[str, list[Row]] = defaultdict(list)
    for row in rows.values():
        if row.get("job"):
            of[row["job"]].append(row)
    for job in traffic.jobs.values():
        view, mine = views[job.id or ""], of[job.id or ""]
        counts, status = view["counts"], view["status"]
        size = len(job.step.rows) + job.step.bad
        told = f"job {job.id} is {status} {counts} with {len(mine)} messages of {size} rows"
        if status not in ("completed", "cancelled"):
            account.complain("stuck", told)
        # A cancelled job's last step may have made messages that it did not count: they end, and are not sent.
        exact = counts["accepted"] + counts["refused"] == len(mine)
        if status == "completed" and (not exact or counts["pending"] or counts["invalid"] != job.step.bad):
            account.complain("drift", told)
        # One that was cancelled before its rows were counted knows of none.
        if counts["pending"] is not None and sum(counts.values()) != size:
            account.complain("drift", told)


def budget(account: Account, rows: dict[str, Row], spent: dict[str, int], faults: int) -> dict[str, int]:
    """What the sums are over or under what the rows cost. They are guards, and approximate where an answer is lost or a worker
    dies (see "A repeated write recognises itself" in ARCHITECTURE): one message's cost a fault is the most that may be missing.
    """
    off = {}
    for scope, sum_ in spent.items():
        mine = [row for row in rows.values() if int(row.get("attempts", 0)) > 0 and scope in ("all", row["caller"])]
        counted = [int(row["cost"]) for row in mine]
        off[scope] = sum_ - sum(counted)
        if abs(off[scope]) > faults * max(counted, default=0):
            account.complain("drift", f"the sum of {scope} is off by {off[scope]} millionths of {sum(counted)}")
    return off


def quotas(account: Account, rows: dict[str, Row], tables: Tables, faults: int) -> int:
    """Whoever has a place in a quota went, or may have; and whoever went has one. A worker that is interrupted between place and claim
    leaves its place to the message, which keeps it if it is cancelled then (see "Quotas" in ARCHITECTURE): how many did, one a fault at most.
    """
    kept = 0
    places = {id_: row["key"] for row in tables.scan("ephemera") if row["key"].startswith("quota#") for id_ in row.get("ids", ())}
    for id_, key in places.items():
        row = rows.get(id_)
        followed = any(other.get("instead_of") == id_ for other in rows.values())
        went = row is not None and (row["status"] in ("sent", "delivered", "undelivered") or row.get("reason") == _OUTCOME_UNKNOWN)
        if not went and not followed and row is not None and int(row.get("attempts", 0)) == 0 and kept < faults:
            kept += 1
        elif not went and not followed:
            account.complain("drift", f"{id_} ({row and row['status']}) has a place in {key}, and reached nobody")
    for id_, row in rows.items():
        if row["class"] == "marketing" and row["status"] in ("sent", "delivered") and "instead_of" not in row and id_ not in places:
            account.complain("drift", f"{id_} was sent without a place in a quota")
    return kept
