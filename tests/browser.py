"""A headless Chromium that looks at pages of this package; tests that need it are skipped where there is none."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP, PHONE = (1280, 900), (360, 740)
CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium")) or shutil.which("google-chrome")
Scheme = Literal["light", "dark"]


def need_browser() -> str:
    """Path of the browser; skips the test where it, or what drives it, is not installed."""
    for module in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    return CHROMIUM


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window and without a network."""
    path = need_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # as root, in a container, the sandbox of Chromium does not start
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page, with everything it wrote to the console, threw, or asked for beyond its own file."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        own = file.absolute().as_uri()
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"thrown: {error}"))
        page.on("request", lambda asked: self.requests.append(asked.url) if not asked.url.startswith(own) else None)
        self._performance = page.context.new_cdp_session(page)
        # the processor's time and not that of the clock, which other work on the machine makes longer
        self._performance.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(own)

    def busy(self) -> float:
        """Seconds that the page has kept the processor busy so far: reading, layout, scripts."""
        found = self._performance.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in found if one["name"] == "TaskDuration"))

    def shown(self, selector: str) -> int:
        """How many elements are not filtered out."""
        return int(
            self.page.evaluate(
                "s => [...document.querySelectorAll(s)].filter(e => !e.closest('.off')).length", selector
            )
        )

    def violations(self) -> list[str]:
        """What axe-core finds, each as rule and place."""
        from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

        found: dict[str, Any] = Axe().run(self.page).response
        return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]


@contextmanager
def opened(
    browser: Browser,
    file: Path,
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: Scheme = "light",
    javascript: bool = True,
) -> Iterator[Watched]:
    """The file in a page of its own."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        java_script_enabled=javascript,
        offline=True,
        reduced_motion="reduce",
    )
    try:
        yield Watched(context.new_page(), file)
    finally:
        context.close()
