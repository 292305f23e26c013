"""Development secrets, made once and kept in .local/secrets.json, and the tokens to call the API with."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any

from .progress import Failure

ISSUER = "switchboard-local"
AUDIENCE = "switchboard"
KEY_ID = "local-1"
TOKEN_SECONDS = 30 * 24 * 3600

ALL_SCOPES = (
    "communication:send communication:urgent communication:read preferences:manage analytics:read settings:manage"
    " monitoring:read"
)
SERVICE_SCOPES = "communication:send communication:read"

# What has keys of its own that rotate in the same way.
PURPOSES = ("codes", "ledger", "links")

# Logical secret of the template -> its name in secrets.json.
TEMPLATE_SECRETS = {
    "AuthSecret": "auth",
    "SealSecret": "seal",
    "LookupSecret": "lookup",
    "CodesSecret": "codes",
    "LedgerSecret": "ledger",
    "LinksSecret": "links",
    "DeliverySecret": "delivery",
    "WebhookKeysSecret": "webhook_keys",
    "TwilioSecret": "twilio",
    "SendGridSecret": "sendgrid",
    "ResendSecret": "resend",
    "TwoFactorSecret": "twofactor",
}


def load_or_make(directory: Path, simulator: Path) -> dict[str, Any]:
    """The secrets by name, as the functions read them; `signing` holds the halves only the simulator knows."""
    path = directory / "secrets.json"
    made: dict[str, Any] = json.loads(path.read_text()) if path.exists() else _make(_key_pair(simulator))
    made["auth"]["max_lifetime_seconds"] = TOKEN_SECONDS  # a stack on one machine may be up for days
    if "lookup" not in made:  # a new file, or one from before purposes had keys of their own
        made["lookup"] = {"active": 1, "keys": {"1": _random(32)}, "ids_key": _random(32)}
        for purpose in PURPOSES:
            key_id = f"{purpose}-1"  # not as the seal's keys are named, so that a mark is never taken for sealed content
            made[purpose] = {"active": key_id, "keys": {key_id: _random(32)}}
        made["seal"].pop("fingerprint_key", None)
        write_private(path, made)
    if "fingerprint_key" in made["lookup"]:  # from before fingerprints had generations
        made["lookup"] |= {"active": 1, "keys": {"1": made["lookup"].pop("fingerprint_key")}}
        write_private(path, made)
    if "twofactor" not in made:  # a new file, or one from before there were second factors
        made["twofactor"] = {"private_key": _key_pair(simulator)["private_pkcs8"]}
        write_private(path, made)
    if "webhook_keys" not in made:  # the same, of what calls providers and what verifies their callbacks
        made["webhook_keys"] = {
            "twilio": {"auth_tokens": [made["twilio"].pop("auth_token", None) or secrets.token_hex(16)]},
            "sendgrid": {"public_keys": made["sendgrid"].pop("webhook_public_keys")},
            "resend": {"secrets": made["resend"].pop("webhook_secrets")},
        }
        made["twilio"] |= {"api_key_sid": "SK" + secrets.token_hex(16), "api_key_secret": secrets.token_urlsafe(24)}
        write_private(path, made)
    if "delivery" not in made:  # the same, of secret variables
        pair = _key_pair(simulator)
        made["delivery"] = {"keys": {"d1": pair["rsa_private_pkcs8"]}}
        made["seal"]["delivery"] = {"id": "d1", "public_key": pair["rsa_public_spki"]}
        write_private(path, made)
    return made


def _make(pair: dict[str, str]) -> dict[str, Any]:
    sender = {"from_email": "hello@switchboard.example", "from_name": "Switchboard"}
    return {
        "auth": {
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "keys": [{"kid": KEY_ID, "alg": "HS256", "secret": secrets.token_urlsafe(48)}],
            "jwks": {"keys": []},
        },
        "seal": {"active": "k1", "keys": {"k1": _random(32)}},
        "twilio": {
            "account_sid": "AC" + secrets.token_hex(16),
            "auth_token": secrets.token_hex(16),
            "phone_number": "+15005550006",
            "whatsapp_number": "+14155238886",
            "messaging_service_sid": None,
            "verify_service_sid": "VA" + secrets.token_hex(16),
        },
        "sendgrid": {
            "api_key": f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}",
            **sender,
            "webhook_public_keys": [pair["public_spki"]],
        },
        "resend": {"api_key": f"re_{secrets.token_hex(16)}", **sender, "webhook_secrets": [f"whsec_{_random(24)}"]},
        "signing": {"sendgrid_private": pair["private_pkcs8"]},
    }


def _key_pair(simulator: Path) -> dict[str, str]:
    """New key pairs (P-256 and RSA) from the simulator: Python's standard library makes none."""
    made = subprocess.run([str(simulator), "keys"], capture_output=True, text=True, check=False)
    try:
        pair = json.loads(made.stdout)
        names = ("private_pkcs8", "public_spki", "rsa_private_pkcs8", "rsa_public_spki")
        return {name: pair[name] for name in names}
    except (ValueError, KeyError) as error:
        raise Failure(f"`{simulator.name} keys` did not print a key pair: {made.stderr.strip()[-200:]}") from error


def simulator_environment(made: dict[str, Any]) -> dict[str, str]:
    return {
        "SIM_TWILIO_ACCOUNT_SID": made["twilio"]["account_sid"],
        "SIM_TWILIO_AUTH_TOKEN": made["webhook_keys"]["twilio"]["auth_tokens"][0],
        "SIM_TWILIO_API_KEY": f"{made['twilio']['api_key_sid']}:{made['twilio']['api_key_secret']}",
        "SIM_SENDGRID_API_KEY": made["sendgrid"]["api_key"],
        "SIM_SENDGRID_SIGNING_KEY": made["signing"]["sendgrid_private"],
        "SIM_RESEND_API_KEY": made["resend"]["api_key"],
        "SIM_RESEND_WEBHOOK_SECRET": made["webhook_keys"]["resend"]["secrets"][0],
    }


def for_stack_file(made: dict[str, Any]) -> dict[str, str]:
    """What a test or a person needs to sign or to call as a provider would."""
    return {
        "auth_issuer": ISSUER,
        "auth_audience": AUDIENCE,
        "auth_key_id": KEY_ID,
        "auth_secret": made["auth"]["keys"][0]["secret"],
        "twilio_account_sid": made["twilio"]["account_sid"],
        "twilio_auth_token": made["webhook_keys"]["twilio"]["auth_tokens"][0],
        "sendgrid_api_key": made["sendgrid"]["api_key"],
        "sendgrid_signing_key": made["signing"]["sendgrid_private"],
        "sendgrid_public_key": made["webhook_keys"]["sendgrid"]["public_keys"][0],
        "resend_api_key": made["resend"]["api_key"],
        "resend_webhook_secret": made["webhook_keys"]["resend"]["secrets"][0],
    }


def tokens(made: dict[str, Any]) -> dict[str, str]:
    generous = {"general": 100_000, "send": 100_000, "batch": 100_000, "analytics": 100_000}
    key = made["auth"]["keys"][0]["secret"]
    return {
        "admin": token(key, {"sub": "admin", "scope": ALL_SCOPES, "limits": generous, "two_factor_audiences": ["lender-portal"]}),
        "service": token(key, {"sub": "service", "scope": SERVICE_SCOPES}),
        "user": token(key, {"sub": "123", "scope": ""}),
    }


def token(key: str, claims: dict[str, Any]) -> str:
    """A JWT signed with HS256 (RFC 7519, RFC 7518 §3.2)."""
    now = int(time.time())
    header = {"alg": "HS256", "typ": "JWT", "kid": KEY_ID}
    payload = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + TOKEN_SECONDS, **claims}
    signed = ".".join(_url64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload))
    mac = hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_url64(mac)}"


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _random(length: int) -> str:
    return base64.b64encode(secrets.token_bytes(length)).decode()


def write_private(path: Path, value: Any) -> None:
    """Writes JSON that only this user may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(value, out, indent=2)
        out.write("\n")
    new.replace(path)
