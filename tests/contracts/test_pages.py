"""Contracts on README and docs: their code runs, prints what they say, and their links lead somewhere."""

from __future__ import annotations

import doctest
import itertools
import os
import re
import shlex
import subprocess
import sys

import pytest

from contracts.tracked import ROOT, blocks, pages

MARK = "\x01block"
LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
CLI = [sys.executable, "-c", "from atomloom.app.front import main; main()"]
PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


def run(command, folder, **kwargs):
    environment = {**os.environ, "NO_COLOR": "1", "MPLBACKEND": "Agg"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **kwargs,
    )


@PAGES
def test_the_code_of_a_page_runs_and_prints_what_the_page_says(page, tmp_path) -> None:
    """All Python blocks are one script; then the shell lines that call atomloom run in the folder it left."""
    found = [block for block in blocks(page) if not block.skipped]
    if any(block.language == "python" for block in found):
        check_python(page, found, tmp_path)
    for block in found:
        if block.language in {"console", "bash", "sh"}:
            for line in block.lines:
                check_shell(page, line.removeprefix("$ "), tmp_path)


def check_python(page, found, folder) -> None:
    """Run the blocks as a script whose line numbers are the page's own, and compare what each printed."""
    script = [""] * len(page.read_text(encoding="utf-8").splitlines())
    for block in found:
        if block.language == "python":
            script[block.line - 2] = f"print('{MARK} {block.line}', flush=True)"
            script[block.line - 1 : block.line - 1 + len(block.lines)] = block.lines
    file = folder / f"{page.stem.replace('-', '_')}.py"
    file.write_text("\n".join(script) + "\n", encoding="utf-8")
    done = run([sys.executable, file.name], folder)
    assert done.returncode == 0, f"{page.relative_to(ROOT)}:\n{done.stderr}"
    printed = dict(re.findall(rf"{MARK} (\d+)\n(.*?)(?={MARK}|\Z)", done.stdout, re.DOTALL))
    for block, after in itertools.pairwise(found):
        if block.language == "python" and after.language == "text" and after.follows:
            seen = printed[str(block.line)]
            same = doctest.OutputChecker().check_output(after.text, seen, LENIENT)
            assert same, f"{page.relative_to(ROOT)}:{block.line} prints\n{seen}\nbut the page says\n{after.text}"


def check_shell(page, command, folder) -> None:
    """Run a line that starts with `atomloom `, but for the demo, which has tests of its own."""
    if not command.startswith("atomloom ") or command.split()[1] == "demo":
        return
    done = run([*CLI, *shlex.split(command, comments=True)[1:]], folder)
    assert done.returncode == 0, f"{page.relative_to(ROOT)}: {command}\n{done.stderr}"


def slug(heading: str) -> str:
    """The anchor of a heading, as common renderers make it."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"[`*_]", "", heading).strip().lower())
    return kept.replace(" ", "-")


@PAGES
def test_links_lead_somewhere(page) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), f"{page.relative_to(ROOT)} links to {target}, which does not exist"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(head) for head in heads}, (
                f"{page.relative_to(ROOT)} links to {target}: no such heading"
            )


def test_the_index_leads_to_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in pages():
        if "docs" in page.parts and page.name != "index.md":
            assert str(page.relative_to(ROOT / "docs")) in index, f"docs/index.md does not lead to {page.name}"
