"""Pages in headless Chromium, for the benches that time them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def opened(page: Path, times: int, script: str = "") -> Iterator[Any]:
    """Yield a tab of Playwright that opens a page, each time in a new session.

    Args:
        page: the file.
        times: how often.
        script: runs before the scripts of the page.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for _ in range(times):
            context = browser.new_context(viewport={"width": 1400, "height": 900})
            context.add_init_script(script)
            tab = context.new_page()
            tab.goto(page.as_uri(), wait_until="commit")
            yield tab
            context.close()
        browser.close()
