"""One Chromium for all browser tests."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

# Playwright's synchronous API keeps an event loop in this thread, where the live server's fixtures
# use the database synchronously; the server itself answers from threads of its own.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


PROGRAMS = ("chromium-headless-shell", "chromium")
"""The first that is there; the shell does without the windows that nobody sees."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Ended with the last browser test of the process: whatever runs an event loop of its own in
    this thread (sending a webhook does) could not run beside it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, PROGRAMS))),
            args=["--no-sandbox", "--disable-gpu"],
        )
        yield browser
        browser.close()
