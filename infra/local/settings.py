"""Every setting of the local stack. All come from the environment and have a default that works."""

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path

from .progress import Failure

ROOT = Path(__file__).resolve().parents[2]

REGION = "us-east-1"
STACK = "switchboard"
# The emulator's root account. Its keys are the same everywhere and open nothing outside this machine.
ACCESS_KEY = SECRET_KEY = "test"  # noqa: S105

# Template parameter -> environment variable that points it elsewhere; the simulator otherwise.
PROVIDER_URLS = {
    "TwilioBaseUrl": "TWILIO_BASE_URL",
    "TwilioVerifyBaseUrl": "TWILIO_VERIFY_BASE_URL",
    "TwilioLookupBaseUrl": "TWILIO_LOOKUP_BASE_URL",
    "SendGridBaseUrl": "SENDGRID_BASE_URL",
    "ResendBaseUrl": "RESEND_BASE_URL",
}


@dataclass(frozen=True)
class Settings:
    aws_port: int
    api_port: int
    simulator_port: int
    directory: Path  # state, secrets and logs of this stack
    profile: str  # cargo profile the functions and the simulator are built with
    artifacts: Path | None  # ready-made NAME/bootstrap and simulator instead of a build
    providers: dict[str, str]  # template parameter -> base URL
    once: bool  # `run` ends after the first messages
    functions_aws_port: int | None = None  # where the functions find AWS; AWS_PORT unless something stands between
    parameters_changed: dict[str, str] = field(default_factory=dict)  # parameters of the template that this stack has otherwise

    @property
    def aws_url(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def functions_aws_url(self) -> str:
        return f"http://127.0.0.1:{self.functions_aws_port or self.aws_port}"

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def simulator_url(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def ports(self) -> dict[str, int]:
        return {"AWS_PORT": self.aws_port, "API_PORT": self.api_port, "SIMULATOR_PORT": self.simulator_port}

    @property
    def stack_file(self) -> Path:
        return self.directory / "stack.json"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def parameters(self) -> dict[str, str]:
        """The template's parameters for this machine."""
        arm = platform.machine().lower() in ("arm64", "aarch64")
        return {
            "Stage": "local",
            "Architecture": "arm64" if arm else "x86_64",
            "PublicBaseUrl": self.api_url,
            "TableDeletionPolicy": "Delete",
            "DeletionProtection": "false",
            "AnchorLockMode": "COMPLIANCE",  # the emulator forgets the bucket when it ends
            "AnchorDays": "1",
            "AwsAttemptTimeout": "20",
            "RequestTimeout": "29",  # here workers start beside a compiler, twenty at a time
            # The emulator is one process: bulk work more than this would only make everything else wait in it.
            "BulkConcurrency": os.environ.get("BULK_CONCURRENCY", "2"),
            "JobConcurrency": "2",
            "RateLimitNetwork": "1000000",  # here everybody calls from one address
            "OtpHourlyIp": "100000",
            "LinkDailyIp": "100000",
            "EventsReach": "loopback",  # a subscriber on this machine is one
            "EventsConcurrency": "4",
            "SlowEventsConcurrency": "2",
            # What the examples of the API's documents send from, and where they fetch a call's instructions.
            "AllowedSenders": "+15005550006,+14155238886,+0987654321,sender@example.com,@mailbox.example",
            "AllowedCallHosts": "your-domain.com",
            "OtpBackend": os.environ.get("OTP_BACKEND", "own"),
            "LogLevel": os.environ.get("LOG_LEVEL", "info").lower(),
            **self.providers,
            **self.parameters_changed,
        }


def load() -> Settings:
    simulator_port = _port("SIMULATOR_PORT", 8090)
    artifacts = os.environ.get("ARTIFACT_DIR")
    settings = Settings(
        aws_port=_port("AWS_PORT", 4566),
        api_port=_port("API_PORT", 8080),
        simulator_port=simulator_port,
        directory=(ROOT / os.environ.get("LOCAL_DIR", ".local")).resolve(),
        profile=os.environ.get("BUILD_PROFILE", "dev"),
        artifacts=Path(artifacts).resolve() if artifacts else None,
        providers={
            parameter: os.environ.get(variable, "").rstrip("/") or f"http://127.0.0.1:{simulator_port}"
            for parameter, variable in PROVIDER_URLS.items()
        },
        once=os.environ.get("RUN_ONCE", "0") not in ("", "0"),
    )
    if len(set(settings.ports.values())) < len(settings.ports):
        raise Failure("AWS_PORT, API_PORT and SIMULATOR_PORT must be three different ports")
    return settings


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Failure(f"{variable}={text} is not a port number")
    return int(text)
