"""Once through what the messages do not reach: codes, second factors, preferences, links, engagement, an erasure. Every step is asked for
again until it is answered; what a first answer must be is compared."""

import re
import time
from typing import Any

from local import credentials
from soak.api import put
from soak.rows import number

from .client import Client

_PERSON = 6_999_000
_FIRST_NUMBER = 4_000_000  # far from those of the plan
_CODE = re.compile(r"\b(\d{6})\b")


class Tour:
    """`webhook`: the id of a subscriber that takes what it is told."""

    def __init__(self, record: dict[str, Any], webhook: str) -> None:
        self._client = Client(record)
        claims = {"sub": "tour", "scope": credentials.ALL_SCOPES, "limits": {"general": 10_000, "send": 10_000}}
        self._spender = Client(record, credentials.token(record["secrets"]["auth_secret"], claims))
        self._webhook = webhook
        self.problems: list[str] = []

    def run(self) -> None:
        steps = (
            self._code, self._second_factor, self._preferences, self._links, self._engagement, self._answers, self._bad_job, self._late_job,
            self._budget, self._replay, self._erasure,
        )
        for step in steps:
            try:
                step()
            except Exception as error:  # noqa: BLE001 - told at the end
                self.problems.append(f"tour, {step.__name__}: {type(error).__name__}: {error}")

    def _ask(self, method: str, path: str, body: Any = None, client: Client | None = None) -> tuple[Any, bool]:
        """The answer, and whether it was the first."""
        for tries in range(20):
            status, answer, _ = (client or self._client).api(method, path, body)
            if 0 < status < 500 and status != 429:
                if status >= 400 and tries == 0:
                    self.problems.append(f"tour, {method} {path}: {status} {answer}")
                return answer, tries == 0
            time.sleep(0.5)
        raise TimeoutError(f"{method} {path} was never answered")

    def _code_of(self, to: str) -> str:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for message in reversed(self._client.simulator("GET", f"/_sim/messages?to={to.replace('+', '%2B')}")):
                if found := _CODE.search(message["text"] or ""):
                    return found[1]
            time.sleep(0.5)
        raise TimeoutError(f"no code came to {to}")

    def _code(self) -> None:
        for place in range(3):
            to = {"phone_number": number(_FIRST_NUMBER + place), "purpose": "login"}
            self._ask("POST", "/api/v2/communications/otp/send", to)
            code = self._code_of(to["phone_number"])
            wrong = f"{(int(code) + 1) % 1_000_000:06d}"
            answer, _ = self._ask("POST", "/api/v2/communications/otp/verify", to | {"code": wrong})
            if answer.get("verified"):
                self.problems.append(f"a wrong code was approved: {answer}")
            answer, first = self._ask("POST", "/api/v2/communications/otp/verify", to | {"code": code})
            if first and not answer.get("verified"):
                self.problems.append(f"a right code was refused: {answer}")
            answer, _ = self._ask("POST", "/api/v2/communications/otp/verify", to | {"code": code})
            if answer.get("verified"):
                self.problems.append(f"a code was approved twice: {answer}")

    def _second_factor(self) -> None:
        person, phone = _PERSON, number(_FIRST_NUMBER + 10)
        self._ask("POST", "/api/v2/2fa/enrol", {"user_id": person, "phone_number": phone})
        code = self._code_of(phone)
        self._ask("POST", "/api/v2/2fa/enrol/confirm", {"user_id": person, "code": code})
        self._ask("POST", "/api/v2/2fa/start", {"user_id": person})
        time.sleep(1)
        check = {"user_id": person, "code": "000000", "audience": "admin"}
        self._ask("POST", "/api/v2/2fa/check", check)

    def _preferences(self) -> None:
        self._ask("PUT", f"/api/communication/preferences/{_PERSON + 1}", {"time_zone": "Etc/GMT"})
        self._ask("POST", "/api/communication/opt-out", {"user_id": _PERSON + 1, "channel": "email"})

    def _links(self) -> None:
        to = {"to": number(_FIRST_NUMBER + 20), "message": "Read https://example.com/a/long/path", "shorten_links": True}
        answer, _ = self._ask("POST", "/api/v2/communications/sms", to)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3_600))
        later, _ = self._ask("POST", "/api/v2/communications/sms", to | {"to": number(_FIRST_NUMBER + 21), "scheduled_time": at})
        sooner = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7_200))
        self._ask("POST", f"/api/v2/communications/messages/{later['message_id']}/reschedule", {"scheduled_time": sooner})
        self._ask("POST", f"/api/communication/cancel/{later['message_id']}", {})
        self._until_arrived(number(_FIRST_NUMBER + 20))
        self._ask("POST", f"/api/communication/track/{answer['message_id']}", {"action": "viewed"})

    def _until_arrived(self, to: str) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not self._client.simulator("GET", f"/_sim/messages?to={to.replace('+', '%2B')}"):
            time.sleep(0.5)

    def _engagement(self) -> None:
        person = _PERSON + 2
        mails = {"user_id": person, "email": "opened+tour@simulator.example", "consent_source": "api", "send_link": False}
        self._ask("POST", "/api/communication/consent/email", mails)
        body = {"user_id": person, "trigger_type": "user_invitation", "data": {}, "channel": "email", "fallback": "none"}
        for _ in range(4):  # some of them go through SendGrid, which tells that they were opened
            self._ask("POST", "/api/communication/send", body)

    def _answers(self) -> None:
        for place, text in enumerate(("Hello", "STOP", "START")):
            said = {"channel": "whatsapp", "from": number(_FIRST_NUMBER + 30), "to": "+14155238886", "text": text}
            self._client.simulator("POST", "/_sim/inbound", said)
            time.sleep(0.2 * place)

    def _bad_job(self) -> None:
        """A file without a column of recipients fails its job."""
        body = {"channel": "sms", "class": "transactional", "message": "Nobody gets this"}
        answer, _ = self._ask("POST", "/api/v2/communications/jobs", body)
        for _ in range(20):
            try:
                put(answer["upload"]["url"], answer["upload"]["headers"], b"colour\nblue\n")
                return
            except (OSError, RuntimeError):
                time.sleep(0.5)

    def _late_job(self) -> None:
        """A job for later is paused, goes on, and begins."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 20))
        rows = [{"to": number(_FIRST_NUMBER + 40 + row)} for row in range(3)]
        body = {"channel": "sms", "class": "transactional", "message": "Later", "scheduled_time": at, "recipients": rows}
        job = self._ask("POST", "/api/v2/communications/jobs", body)[0]["job_id"]
        deadline = time.monotonic() + 60
        while self._ask("GET", f"/api/v2/communications/jobs/{job}")[0]["status"] != "scheduled" and time.monotonic() < deadline:
            time.sleep(0.5)
        for step in ("pause", "resume"):
            self._client.api("POST", f"/api/v2/communications/jobs/{job}/{step}", {})

    def _budget(self) -> None:
        """A budget is used up by what waits for none."""
        self._ask("PUT", "/api/v2/communications/budgets/tour", {"daily": 0.0001})
        time.sleep(6)
        person = {"user_id": _PERSON + 4, "phone_number": number(_FIRST_NUMBER + 50), "consent_source": "chaos", "send_code": False}
        self._ask("POST", "/api/communication/consent/sms", person)
        alert = {"user_id": _PERSON + 4, "trigger_type": "financial_alert", "data": {}, "channel": "sms", "fallback": "none"}
        self._ask("POST", "/api/communication/send", alert, self._spender)

    def _replay(self) -> None:
        path = f"/api/v2/communications/webhooks/{self._webhook}/deliveries"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self._ask("GET", path)[0].get("deliveries") or []
            done = [delivery["id"] for delivery in found if delivery["status"] == "delivered"]
            if done:
                self._ask("POST", f"{path}/{done[0]}/replay", {})
                return
            time.sleep(1)

    def _erasure(self) -> None:
        person = _PERSON + 3
        mails = {"user_id": person, "email": "erased-tour@mailbox.example", "consent_source": "api", "send_link": False}
        self._ask("POST", "/api/communication/consent/email", mails)
        body = {"user_id": person, "trigger_type": "user_invitation", "data": {}, "channel": "email", "fallback": "none"}
        self._ask("POST", "/api/communication/send", body)
        self._ask("POST", f"/api/communication/privacy/{person}/erase", {})
