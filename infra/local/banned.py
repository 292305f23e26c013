"""For `make lint`: fails if a crate of deny.toml's ban list is linked into the workspace.

cargo-deny reads the same list; this needs nothing but cargo, so it runs everywhere.
"""

import re
import subprocess
import sys

from .settings import ROOT


def banned() -> list[tuple[str, str]]:
    """(name, version requirement) of every entry of `deny = [...]` under [bans]."""
    text = (ROOT / "deny.toml").read_text()
    section = re.search(r"^\[bans\]\s*$(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    deny = re.search(r"^deny\s*=\s*\[(.*?)^\]", section.group(1) if section else "", re.MULTILINE | re.DOTALL)
    entries = re.sub(r"#.*", "", deny.group(1)) if deny else ""
    found = []
    for spec in re.findall(r'(?:name|crate)\s*=\s*"([^"]+)"', entries) or re.findall(r'"([^"]+)"', entries):
        name, _, version = spec.partition("@")
        separate = re.search(rf'name\s*=\s*"{re.escape(spec)}"[^}}]*version\s*=\s*"([^"]+)"', entries)
        found.append((name, separate.group(1) if separate else version))
    return found


def linked() -> set[tuple[str, str]]:
    tree = ["cargo", "tree", "--workspace", "--edges", "normal,build", "--prefix", "none", "--format", "{p}", "--target", "all"]
    lines = subprocess.run(tree, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {(parts[0], parts[1].lstrip("v")) for parts in (line.split() for line in lines) if len(parts) > 1}


def covers(requirement: str, version: str) -> bool:
    """Whether a version falls under a ban: none means all; else its leading numbers must be the same."""
    numbers = re.sub(r"[^0-9.]", "", requirement)
    wanted = [part for part in numbers.split(".") if part]
    return version.split(".")[: len(wanted)] == wanted


def main() -> int:
    rules = banned()
    if not rules:
        print("deny.toml bans nothing; expected a list under [bans]", file=sys.stderr)
        return 1
    hits = sorted(f"{name} {version}" for name, version in linked() for rule, req in rules if rule == name and covers(req, version))
    if hits:
        print(f"banned by deny.toml, but linked: {', '.join(hits)} (cargo tree -i NAME tells why)", file=sys.stderr)
        return 1
    print(f"none of the {len(rules)} banned crates is linked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
