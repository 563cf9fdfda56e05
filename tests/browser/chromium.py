"""A browser that notes what it should not have to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

__all__ = ["Tab", "chromium", "find_chromium"]

PATIENCE_MS = 120_000  # a busy machine may need some of it


def find_chromium() -> str | None:
    """Return where the browser is."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser, and close it."""
    # Without --no-sandbox it does not run as root, which containers do.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A page in the browser.

    Attributes
    ----------
    page : playwright.sync_api.Page
        The page itself.
    errors : list of str
        What went to the console as an error, exceptions that nobody caught, and dialogs.
    requests : list of str
        The addresses that were asked for.
    """

    def __init__(self, browser: Browser, width: int = 1400, height: int = 900) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _dismiss(self, dialog: Dialog) -> None:
        self.errors.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def number(self, name: str) -> int:
        """Return a number of the dashboard's headline."""
        return int(self.page.locator(f"dd.{name}").inner_text())
