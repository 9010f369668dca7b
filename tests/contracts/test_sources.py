"""Contracts on the text of the repository: sizes, hosts, paths, docstrings, the changelog."""

from __future__ import annotations

import ast
import re

import pytest

from contracts.tracked import ROOT, SOURCE, sources, texts

# Written in pieces so that this file keeps its own contract.
REGISTRIES = [
    (".", "pypi", "org"),
    (".", "pythonhosted", "org"),
    (".", "anaconda", "org"),
    (".", "npmjs", "org"),
    (".", "npmjs", "com"),
    (".", "crates", "io"),
    (".", "debian", "org"),
    (".", "golang", "org"),
]
HOSTS = re.compile("|".join(r"\b" + re.escape(dot.join(parts)) + r"\b" for dot, *parts in REGISTRIES))
HOMES = re.compile("|".join([r"/ho" + r"me/\w+", r"/Us" + r"ers/\w+", r"/ro" + r"ot/", r"\B/wo" + r"rk/\w"]))


@pytest.mark.parametrize("pattern", [HOSTS, HOMES], ids=["package registry host", "absolute home path"])
def test_no_tracked_text_names_a(pattern: re.Pattern[str]) -> None:
    found = []
    for path, text in texts().items():
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {match[0]}")
    assert not found, "\n".join(found)


def test_the_patterns_find_what_they_look_for() -> None:
    assert HOSTS.search("https://files." + "pythonhosted" + ".org/x.whl")
    assert HOMES.search("open('/ho" + "me/ada/ticks.csv')")
    assert not HOMES.search("runs/20130901T170000Z-demo/report.html")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_and_its_functions_are_small(path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400, f"{path.relative_to(ROOT)} has more than 400 lines: it is two files"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # Without the docstring: the house asks for every parameter, unit, error and an example in there.
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - (first.lineno - node.body[0].lineno)
            assert length < 80, f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines (under 80)"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_opens_with_one_sentence(path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc, f"{path.relative_to(ROOT)} has no docstring"
    first = doc.splitlines()[0]
    assert first.endswith("."), f"{path.relative_to(ROOT)}: the first line is no sentence: {first!r}"


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.parent for path in sources()}
    assert all((folder / "__init__.py").is_file() for folder in folders), folders


def test_the_changelog_has_unreleased_on_top() -> None:
    heads = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    versions = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}", head) for head in heads[1:]]
    assert all(versions), heads


def test_decisions_are_short_and_numbered() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert decisions
    for number, path in enumerate(decisions, 1):
        assert path.name.startswith(f"{number:04d}-"), path.name
        assert path.read_text(encoding="utf-8").count("\n") <= 40, f"{path.name}: 40 lines at most"


def test_constraints_are_pins_without_addresses() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) or line.startswith("#"), line


def test_every_check_of_the_ci_is_a_make_target_and_its_commands_are_the_readmes() -> None:
    script, makefile = (ROOT / ".ci" / "run").read_text(), (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    steps = set(re.findall(r"^ *step ([a-z-]+)", script, re.MULTILINE))
    assert {"lint", "types", "contracts", "tests", "docs-code", "bench-smoke", "demo"} <= steps & targets
    commands = re.findall(r'^(?:first|second)="(.+)"$', script, re.MULTILINE)
    readme = (ROOT / "README.md").read_text().splitlines()
    assert len(commands) == 2
    assert all(command in readme for command in commands)
