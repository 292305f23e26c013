"""The first messages: one on every channel, followed until the provider's callback said "delivered"."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from .progress import Failure, say

PERSON = 1001
PHONE = "+14155550123"
EMAIL = "ada@example.com"

_DEADLINE = 20.0
_ENDS = ("delivered", "undelivered", "failed", "blocked", "cancelled", "expired")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

CONSENTS: dict[str, dict[str, Any]] = {
    "/api/communication/consent/sms": {"user_id": PERSON, "phone_number": PHONE, "consent_source": "web_form"},
    "/api/communication/consent/email": {
        "user_id": PERSON,
        "email": EMAIL,
        "message_types": ["monthly_report", "career_insight"],
        "consent_source": "api",
    },
}

# What is shown, the endpoint, the body.
MESSAGES: list[tuple[str, str, dict[str, Any]]] = [
    (
        "SMS",
        "/api/communication/send",
        {
            "user_id": PERSON,
            "trigger_type": "financial_alert",
            "data": {"amount": 100.50, "account": "checking", "threshold": 200.00},
            "channel": "sms",
            "priority": "critical",
        },
    ),
    (
        "WhatsApp",
        "/api/v1/twilio/send-whatsapp",
        {"to": f"whatsapp:{PHONE}", "body": "Hello from Switchboard on WhatsApp!"},
    ),
    (
        "call",
        "/api/v2/communications/calls",
        {"to": PHONE, "message": "Hello from Switchboard, on the phone!", "purpose": "first_call"},
    ),
    (
        "e-mail",
        "/api/v1/twilio/send-email",
        {"to": EMAIL, "subject": "Hello", "text": "Hello from Switchboard, by e-mail!"},
    ),
    (
        "e-mail by trigger",
        "/api/communication/send",
        {
            "user_id": PERSON,
            "trigger_type": "payment_confirmation",
            "data": {"amount": "100.50 USD", "reference": "A-77"},
            "channel": "email",
        },
    ),
]


def first_messages(record: dict[str, Any]) -> None:
    """Sends and follows them all; raises if one does not arrive."""
    say("The first message on every channel:")
    for path, body in CONSENTS.items():
        _call(record, "POST", path, body)
    lost = []
    for name, path, body in MESSAGES:
        began = time.monotonic()
        answer = _call(record, "POST", path, body)
        message_id = next((answer[key] for key in ("message_id", "task_id") if answer.get(key)), None)
        if message_id is None:
            raise Failure(f"POST {path} answered without an id: {json.dumps(answer)[:300]}")
        message = _follow(record, str(message_id), began)
        took = time.monotonic() - began
        print(f"           {name:<17} {message_id}  {message.get('provider') or '-':<9} {message['status']:<10} {took:5.2f} s", flush=True)
        if message["status"] != "delivered":
            why = message.get("reason")
            lost.append(f"{name} is {message['status']}" + (f" ({why})" if why else ""))
    if lost:
        raise Failure(f"Not delivered: {', '.join(lost)}; see {record['logs']} or `make logs`")


def _follow(record: dict[str, Any], message_id: str, began: float) -> dict[str, Any]:
    while True:
        message = _call(record, "GET", f"/api/v2/communications/messages/{message_id}", None)
        if message["status"] in _ENDS or time.monotonic() - began > _DEADLINE:
            return message
        time.sleep(0.05)


def _call(record: dict[str, Any], method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    request = urllib.request.Request(
        record["api_url"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {record['tokens']['admin']}", "content-type": "application/json"},
    )
    try:
        with _OPENER.open(request, timeout=30) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        text = error.read(400).decode(errors="replace").strip()
        raise Failure(f"{method} {path} answered {error.code}: {text} (logs: {record['logs']})") from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Failure(f"{method} {path} failed: {error} (logs: {record['logs']})") from error


def print_addresses(record: dict[str, Any]) -> None:
    tokens = record["tokens"]
    print(
        f"""
  API          {record["api_url"]}
  Simulator    {record["simulator_url"]}   phones and mailboxes, live
  AWS          {record["aws_endpoint"]}   region {record["region"]}, keys test/test

  Tokens       also in .local/stack.json
    admin      {tokens["admin"]}
    service    {tokens["service"]}
    user 123   {tokens["user"]}

  Try it:

    curl -s {record["api_url"]}/api/communication/send \\
      -H 'Authorization: Bearer {tokens["service"]}' \\
      -H 'Content-Type: application/json' \\
      -d '{json.dumps(MESSAGES[0][2])}'
""",
        flush=True,
    )
