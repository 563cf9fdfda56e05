"""Objects of a user's own code, by their names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from feii_dask.config.plugins import digest_of, files_of, import_named, own_source


def test_a_module_of_the_working_directory_is_found_by_the_installed_command() -> None:
    Path("mine_here.py").write_text("value = 7")
    script = (
        "import sys; sys.path = [p for p in sys.path if p]; from feii_dask.config.plugins import import_named as i;"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{script} print(i('mine_here:value'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "7"


def test_only_what_is_the_users_own_has_a_source() -> None:
    Path("own_file.py").write_text("value = 7")
    Path("own_package").mkdir()
    Path("own_package/__init__.py").touch()
    assert own_source("own_file:value") == Path("own_file.py").absolute()
    assert own_source("own_package.deeper:value") == Path("own_package").absolute()
    for name in ("feii_dask.config.plugins:own_source", "numpy:pi", "json:loads", "sys:path", "nowhere_at_all:x"):
        assert own_source(name) is None
        assert digest_of(name) == ""


def test_the_digest_is_that_of_all_modules_of_a_package() -> None:
    Path("digested").mkdir()
    for name in ("__init__", "one", "two"):
        Path(f"digested/{name}.py").touch()
    before = digest_of("digested.one:x")
    Path("digested/notes.txt").write_text("no code")
    assert digest_of("digested.two:x") == before != ""
    Path("digested/two.py").write_text("x = 1")
    assert digest_of("digested.one:x") != before


def test_fresh_reads_the_file_again() -> None:
    Path("changing.py").write_text("value = 1")
    assert import_named("changing:value") == 1
    Path("changing.py").write_text("value = 22")
    assert import_named("changing:value") == 1
    assert import_named("changing:value", fresh=True) == 22
    assert import_named("math:tau", fresh=True) > 6


def test_fresh_takes_no_bytecode_of_the_same_size_and_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    Path("cached").mkdir()
    Path("cached/__init__.py").touch()
    Path("cached/detect.py").write_text("from cached.factor import factor")
    for factor in (1, 2):  # in a module that the named one imports
        for file in (Path("cached_file.py"), Path("cached/factor.py")):
            file.write_text(f"factor = {factor}")
            os.utime(file, (1e9, 1e9))
        assert import_named("cached_file:factor", fresh=True) == factor
        assert import_named("cached.detect:factor", fresh=True) == factor


@pytest.mark.parametrize(
    ("content", "message"), [("1 / 0", "ZeroDivisionError: division by zero"), ("other = 1", "no attribute 'value'")]
)
def test_whatever_a_module_does_is_an_import_error(content: str, message: str) -> None:
    name = f"raising_{len(content)}"
    Path(f"{name}.py").write_text(content)
    with pytest.raises(ImportError, match=message):
        import_named(f"{name}:value")


def test_a_package_is_its_modules_and_what_it_declares() -> None:
    package = Path("mine")
    for name in (
        "__init__.py",
        "inner/detect.py",
        "kernels/a.npy",
        "kernels/b.txt",
        ".env",
        ".git/hook.py",
        "notes.txt",
    ):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("x = 1\n")
    Path("outside").mkdir()
    Path("outside/secret.py").write_text("")
    (package / "linked").symlink_to(Path("outside").resolve())
    (package / "linked.py").symlink_to(Path("outside/secret.py").resolve())
    (package / "__init__.py").write_text("PACKAGE_DATA = ('kernels/*.npy', '../outside/*', '.env', '/etc/passwd')\n")
    names = {path.relative_to(package).as_posix() for path in files_of(package)}
    assert names == {"__init__.py", "inner/detect.py", "kernels/a.npy"}


def test_an_import_that_another_thread_disturbed_is_tried_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_made.py").write_text(
        "from pathlib import Path\n"
        "tried = Path(__file__).with_name('tried')\n"
        "first = not tried.exists()\n"
        "tried.touch()\n"
        "if first:\n"
        "    raise KeyError('half_made')\n"
        "found = 7\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert import_named("half_made:found") == 7
