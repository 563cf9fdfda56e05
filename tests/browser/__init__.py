"""What a person sees: the dashboard's page and the report, in a headless Chromium.

Debian's ``chromium`` is driven by Playwright. On a machine without it these tests are skipped; not where ``CI`` is set.
"""

from .chromium import Tab, chromium, find_chromium

__all__ = ["Tab", "chromium", "find_chromium"]
