"""For `make lint`: no banned crate is linked (.cargo/deny.toml), and none that RustSec has an advisory about.

cargo-deny does both. It reads the advisory database of this folder (advisories.tar.xz, a snapshot, so that the same commit gives the
same answer everywhere and nothing but the package indexes is needed); `make advisories` takes a new snapshot.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
from datetime import datetime, timezone
from pathlib import Path

from .settings import ROOT

SNAPSHOT = Path(__file__).with_name("advisories.tar.xz")
SOURCE = "https://github.com/RustSec/advisory-db"
WORK = ROOT / ".local" / "advisories"
DATABASE = WORK / "advisory-db-3157b0e258782691"  # the name that cargo-deny gives SOURCE
DEPLOYED = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")


def git(*arguments: str, at: Path, date: str = "") -> str:
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "RustSec"), ("EMAIL", "-"))}
    when = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
    command = ["git", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", *arguments]
    return subprocess.run(command, cwd=at, check=True, capture_output=True, text=True, env={**os.environ, **who, **when}).stdout.strip()


def unpack() -> datetime:
    """Makes the repository that cargo-deny expects of the snapshot, and answers the snapshot's time."""
    shutil.rmtree(WORK, ignore_errors=True)
    DATABASE.mkdir(parents=True)
    with tarfile.open(SNAPSHOT) as archive:
        taken = datetime.fromtimestamp(max(member.mtime for member in archive), timezone.utc)
        archive.extractall(DATABASE, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(DATABASE)
    git("init", "--quiet", at=DATABASE)
    git("add", "--all", at=DATABASE)
    git("commit", "--quiet", "--message", "snapshot", at=DATABASE, date=taken.isoformat())
    (DATABASE / ".git" / "FETCH_HEAD").write_text(f"{git('rev-parse', 'HEAD', at=DATABASE)}\t\tbranch 'main' of {SOURCE}\n")
    return taken


def check() -> int:
    taken = unpack()
    metadata = WORK / "metadata.json"
    platforms = [part for target in DEPLOYED for part in ("--filter-platform", target)]
    command = ["cargo", "metadata", "--locked", "--format-version", "1", *platforms]
    metadata.write_text(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
    deny = [Path(sys.executable).with_name("cargo-deny"), "--offline", "--metadata-path", metadata, "--config", ROOT / ".cargo" / "deny.toml"]
    answer = subprocess.run([*deny, "check", "--hide-inclusion-graph", "advisories", "bans"], cwd=ROOT).returncode
    print(f"advisories as of {taken:%Y-%m-%d} (make advisories takes newer ones)")
    return answer


def refresh(source: str) -> int:
    """Writes the snapshot anew from a clone of the advisory database."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    git("clone", "--quiet", "--depth", "1", source, str(WORK / "clone"), at=ROOT)
    archive = subprocess.run(
        ["git", "archive", "--format=tar", "HEAD", "crates", "LICENSE.txt"], cwd=WORK / "clone", check=True, capture_output=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as plain, tarfile.open(SNAPSHOT, "w:xz", preset=9) as packed:
        for member in plain:
            packed.addfile(member, plain.extractfile(member) if member.isfile() else None)
    return check()


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            return check()
        case ["refresh"]:
            return refresh(SOURCE)
        case ["refresh", source]:
            return refresh(source)
        case _:
            print("usage: python -m local.crates [refresh [URL]]", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
