"""What the contract tests look at: the files of the repository and the code in its pages."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "atomloom"
# Outside a git checkout (an unpacked sdist) these folders are what there is to look at.
FOLDERS = ("src", "tests", "docs", "examples", "bench", "scripts")


@cache
def files() -> tuple[Path, ...]:
    """Every file that is tracked or about to be, sorted."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [*ROOT.glob("*.*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    return tuple(sorted({path for path in found if path.is_file() and "__pycache__" not in path.parts}))


def texts() -> dict[Path, str]:
    """Every tracked text file, decoded; binary files are left out."""
    decoded = {}
    for path in files():
        try:
            decoded[path] = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
    return decoded


def sources() -> list[Path]:
    """The package's own modules."""
    return sorted(SOURCE.rglob("*.py"))


def pages() -> list[Path]:
    """README and every page of the documentation."""
    return [path for path in files() if path.suffix == ".md" and (path.parent == ROOT or "docs" in path.parts)]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, first line of content (1-based), lines, and marks around it."""

    language: str
    line: int
    lines: tuple[str, ...]
    skipped: bool
    follows: bool

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page; `<!-- not run: why -->` above one keeps it from being run."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found: list[Block] = []
    start, language, last_end, last_text = None, "", -2, ""
    for number, line in enumerate(lines, 1):
        fence = re.match(r"^\s*```(\w*)", line)
        if start is None and fence:
            start, language = number, fence[1]
            skipped = last_text.startswith("<!-- not run:")
        elif start is not None and line.strip() == "```":
            between = [text for text in lines[last_end : start - 1] if text.strip()] if last_end > 0 else ["none"]
            found.append(Block(language, start + 1, tuple(lines[start : number - 1]), skipped, not between))
            start, last_end = None, number
        if start is None and line.strip():
            last_text = line.strip()
    return found
