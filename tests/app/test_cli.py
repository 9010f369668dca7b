"""The command line: exit codes, one-line errors, stdout for results only, colour on request."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

import atomloom
from atomloom import errors
from atomloom.app import cli

CLI = [sys.executable, "-c", "from atomloom.app.front import main; main()"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.BadInput("x"), 2),
        (errors.Infeasible("x"), 2),
        (errors.MissingExtra("x"), 3),
        (errors.OverBudget("x"), 4),
        (errors.StoreError("x"), 1),
        (errors.JobFailed("x"), 1),
        (errors.WorkerDied("x"), 1),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), 3),
        (OSError(errno.ENOSPC, "No space left on device"), 3),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(error, code, monkeypatch, capsys) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("atomloom.app.facts.examine", fail)
    assert cli.run(["doctor"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_a_full_disk_says_what_to_do(monkeypatch, capsys) -> None:
    def fail() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "runs/a")

    monkeypatch.setattr("atomloom.app.facts.examine", fail)
    assert cli.run(["doctor"]) == 3
    assert "runs/a: No space left on device. Hint: make room" in capsys.readouterr().err


def test_debug_adds_the_traceback(monkeypatch, capsys) -> None:
    def fail() -> None:
        raise errors.BadInput("no rows")

    monkeypatch.setattr("atomloom.app.facts.examine", fail)
    assert cli.run(["--debug", "doctor"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("error: no rows\n")


def test_an_error_that_nobody_foresaw_is_not_dressed_up(monkeypatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("atomloom.app.facts.examine", fail)
    with pytest.raises(ZeroDivisionError):
        cli.run(["doctor"])


def test_ctrl_c_is_130(monkeypatch) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("atomloom.app.facts.examine", fail)
    assert cli.run(["doctor"]) == 130


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dcotor"], "Did you mean 'doctor'?"),
        (["doctor", "--jsn"], "--json"),
        (["report"], "Missing argument 'RUN'"),
        (["report", "no-such-folder"], "does not exist"),
        (["vpin", "no-such-file.csv"], "does not exist"),
        (["demo", "--threads", "two"], "not a valid integer"),
    ],
)
def test_wrong_usage_is_2_and_says_what_would_be_right(arguments, said, capsys) -> None:
    assert cli.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_every_command_has_help_and_the_shared_options(capsys) -> None:
    for name in cli.COMMANDS:
        assert cli.run([name, "--help"]) == 0
        text = capsys.readouterr().out
        if name in {"store", "samples"}:  # groups: their commands are looked at below
            continue
        assert "--json" in text
        if name not in {"doctor", "report"}:
            for option in ("--out", "--seed", "--threads", "--quiet", "--config", "--print-config", "--resume"):
                assert option in text, f"{name} lacks {option}"


@pytest.mark.parametrize("name", ["ls", "info", "verify", "days", "find", "export"])
def test_every_command_of_the_store_speaks_json(name, capsys) -> None:
    assert cli.run(["store", name, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["generate", "resume", "verify", "info", "bench"])
def test_every_command_of_the_samples_speaks_json(name, capsys) -> None:
    assert cli.run(["samples", name, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


def test_the_list_of_commands_is_the_modules_that_have_one(root) -> None:
    folder = root / "src" / "atomloom" / "app"
    having = {path.stem for path in folder.glob("*.py") if "\ndef command(" in path.read_text()}
    assert having == set(cli.COMMANDS)


def test_help_lists_every_command_with_a_sentence(capsys) -> None:
    assert cli.run(["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:")[2].split("\n")
    lines = {line.split()[0]: line for line in listed if line.strip()}
    assert set(lines) == set(cli.COMMANDS)
    assert all(len(line.split()) > 3 for line in lines.values())


def test_json_on_stdout_is_json_and_nothing_else() -> None:
    done = subprocess.run([*CLI, "doctor", "--json"], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) >= {"cores", "memory", "libraries", "extras", "hdf5_filters"}
    assert done.stderr == ""


def on_a_terminal(environment: dict[str, str]) -> bytes:
    """What the doctor prints where stdout is a terminal."""
    leader, follower = pty.openpty()
    child = subprocess.Popen([*CLI, "doctor"], stdout=follower, env=environment)
    os.close(follower)
    seen = b""
    with contextlib.suppress(OSError):  # what Linux says when the last writer has left
        while part := os.read(leader, 65536):
            seen += part
    child.wait()
    os.close(leader)
    return seen


def test_no_color_is_honoured() -> None:
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    assert b"\x1b[" in on_a_terminal(plain)
    assert b"\x1b[" not in on_a_terminal(plain | {"NO_COLOR": "1"})
    piped = subprocess.run([*CLI, "doctor"], capture_output=True, env=plain, check=True).stdout
    assert b"\x1b[" not in piped


def test_a_reader_that_leaves_is_no_traceback() -> None:
    line = f"{sys.executable} -c 'from atomloom.app.front import main; main()' doctor --json | head -c 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_commands_are_not_loaded_before_they_are_asked_for() -> None:
    code = (
        "import sys\nfrom atomloom.app.cli import run\nrun(['doctor'])\n"
        "print([m for m in sys.modules if m.startswith('atomloom.app.')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "atomloom.app.demo" not in done.stderr
    assert isinstance(cli.cli, click.Group)


def test_the_shell_can_complete_commands() -> None:
    asked = os.environ | {"_ATOMLOOM_COMPLETE": "bash_complete", "COMP_WORDS": "atomloom d", "COMP_CWORD": "1"}
    done = subprocess.run(CLI, capture_output=True, text=True, check=False, env=asked)
    assert done.stdout.split() == ["plain,demo", "plain,doctor"]


def test_the_help_at_the_door_is_the_parsers_own(capsys, monkeypatch) -> None:
    from atomloom.app.front import HELP

    monkeypatch.setenv("COLUMNS", "100")
    assert cli.run(["--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_the_help_needs_no_parser() -> None:
    code = (
        "import sys; sys.argv = ['atomloom', '--help']\n"
        "from atomloom.app.front import main\n"
        "try: main()\n"
        "finally: print(sorted({'click', 'numpy', 'rich', 're'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(Path(atomloom.__file__).parents[1])})  # fmt: skip
    assert done.stdout.endswith("[]\n"), done
