"""What the command prints holds nothing that a terminal obeys, whatever directories, files and errors are called."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import feii_dask.workflow
from feii_dask.cli import main
from feii_dask.errors import StoreError
from tests.store.foreign import make_foreign_run

HOSTILE = "run\x1b]0;mine\x07\x9b2J\u202e\nfeii-dask: all is well"
ESCAPED = "run\\x1b]0;mine\\x07\\x9b2J\\u202e\\nfeii-dask: all is well"
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def called(*words: str) -> Result:
    done = CliRunner().invoke(main, words)
    assert not OBEYED.search(done.output), ascii(done.output)
    assert not any(line.startswith("feii-dask: all is well") for line in done.output.splitlines())
    return done


def test_a_directory_is_named_as_text(tmp_path: Path) -> None:
    run = str(make_foreign_run(tmp_path / HOSTILE).directory)
    for words in (["report", run], ["rank", run], ["search", "--dry-run", "--resume", run]):
        assert called(*words).exit_code == 0
    assert ESCAPED in called("report", run).output
    assert called("report", run + HOSTILE).exit_code == 2
    assert called("merge", run, run, "--out", HOSTILE).exit_code == 2
    assert called("report", run, HOSTILE).exit_code == 2  # click's own message
    assert ESCAPED in called("simulate", str(tmp_path / f"sky{HOSTILE}")).output


def test_what_led_to_an_error_is_shown_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_words: object) -> None:
        try:
            raise OSError(HOSTILE)
        except OSError as error:
            raise StoreError(f"cannot read {HOSTILE}") from error

    monkeypatch.setattr(feii_dask.workflow, "search", fail)
    done = called("--debug", "search")
    assert done.exit_code == 4
    assert f"OSError: {ESCAPED}" in done.output
    assert "which led to" in done.output


def test_an_interruption_names_the_run_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_words: object) -> None:
        raise KeyboardInterrupt(HOSTILE)

    monkeypatch.setattr(feii_dask.workflow, "search", interrupt)
    assert f"--resume {ESCAPED}" in called("search").output


def test_an_error_that_nobody_foresaw_is_shown_as_text() -> None:
    code = "import feii_dask.workflow as w\nfrom feii_dask.cli import main\n"
    code += f"def fail(*words): raise ZeroDivisionError({HOSTILE!r})\nw.search = fail\nmain(['search'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    text = done.stderr.decode()
    assert not OBEYED.search(text), ascii(text)
    assert (done.returncode, f"ZeroDivisionError: {ESCAPED}" in text) == (1, True)
