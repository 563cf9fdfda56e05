"""Every example of every docstring runs, and every public name says what it is."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import feii_dask

MODULES = [
    module.name
    for module in pkgutil.walk_packages(feii_dask.__path__, "feii_dask.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    result = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.IGNORE_EXCEPTION_DETAIL | doctest.ELLIPSIS
    )
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_there_and_described(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", ()):
        thing = getattr(module, public)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            assert thing.__doc__, f"{name}.{public} has no docstring"
