"""For `make lint`: fails if a crate of .cargo/deny.toml's ban list is linked into the workspace.

cargo-deny reads the same list; this needs nothing but cargo, so it runs everywhere.
"""

import subprocess
import sys

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

from .settings import ROOT

_COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a[: len(b)] <= b,
    ">": lambda a, b: a[: len(b)] > b,
    ">=": lambda a, b: a >= b,
}


def banned() -> list[tuple[str, str]]:
    """(name, version requirement) of every entry of `deny` under [bans], in any form cargo-deny takes."""
    rules = tomllib.loads((ROOT / ".cargo" / "deny.toml").read_text()).get("bans", {}).get("deny", [])
    found = []
    for rule in rules:
        spec = rule if isinstance(rule, str) else rule.get("crate") or rule.get("name", "")
        name, _, version = spec.replace(":", "@", 1).partition("@")
        found.append((name, version or (rule.get("version", "") if isinstance(rule, dict) else "")))
    return found


def linked() -> set[tuple[str, str]]:
    tree = ["cargo", "tree", "--workspace", "--edges", "normal,build", "--prefix", "none", "--format", "{p}", "--target", "all"]
    lines = subprocess.run(tree, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {(parts[0], parts[1].lstrip("v")) for parts in (line.split() for line in lines) if len(parts) > 1}


def covers(requirement: str, version: str) -> bool:
    """Whether a version falls under a ban: "<1, >=0.13" as it reads; plain numbers mean versions that start so."""
    actual = _numbers(version)
    for part in filter(None, (part.strip() for part in requirement.split(","))):
        operator = part[: len(part) - len(part.lstrip("<>=^~"))]
        wanted = _numbers(part[len(operator) :])
        compare = _COMPARE.get(operator, lambda a, b: a[: len(b)] == b)
        if not compare(actual, wanted):
            return False
    return True


def _numbers(version: str) -> list[int]:
    core = version.strip().split("-")[0].split("+")[0]
    return [int(part) for part in core.split(".") if part.isdigit()]


def main() -> int:
    rules = banned()
    if not rules:
        print(".cargo/deny.toml bans nothing; expected a list under [bans]", file=sys.stderr)
        return 1
    hits = sorted(f"{name} {version}" for name, version in linked() for rule, req in rules if rule == name and covers(req, version))
    if hits:
        print(f"banned by .cargo/deny.toml, but linked: {', '.join(hits)} (cargo tree -i NAME tells why)", file=sys.stderr)
        return 1
    print(f"none of the {len(rules)} banned crates is linked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
