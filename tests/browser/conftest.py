"""A browser for all tests of this folder, and a tab for each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import Tab, chromium, find_chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium, for this package alone: while it runs, no other event loop can run in this thread."""
    if find_chromium() is None and os.environ.get("CI") != "true":
        pytest.skip("no chromium here: apt-get install chromium")
    with chromium() as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """A tab of its own."""
    tab = Tab(browser)
    yield tab
    tab.page.close()
