"""The codebook as a page: it says what the definitions say, and works by keyboard, on a phone, and on paper."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

import anakinra_t2d as trial
from anakinra_t2d.releases.codebook_page import codebook_page
from anakinra_t2d.releases.view import ReleaseView
from browser import DESKTOP, PHONE, chromium, opened

FOUND = trial.definitions()
SHOWN = ReleaseView("blinded", FOUND).definitions()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "codebook.html"
    path.write_text(codebook_page(SHOWN), encoding="utf-8")
    return path


class TestCodebookPage:
    def test_it_says_what_the_definitions_say(self, file: Path) -> None:
        page = file.read_text(encoding="utf-8")
        for name, one in SHOWN.tables.items():
            for field in one.fields:
                assert f'id="table-{name}-{field}"' in page
        for code in SHOWN.rules:
            assert f'id="rules-{code.lower()}"' in page
        for card in (*SHOWN.endpoints.parameters, *SHOWN.endpoints.endpoints):
            assert html.escape(card.label) in page
        for name in FOUND.tables.keys() - SHOWN.tables.keys():
            assert f'id="table-{name}"' not in page

    def test_ids_are_unique_and_links_lead_somewhere(self) -> None:
        page = codebook_page(FOUND)
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)

    @pytest.mark.browser
    @pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
    def test_in_a_browser(self, file: Path, size: tuple[int, int], scheme: Any) -> None:
        from playwright.sync_api import expect

        with chromium() as browser, opened(browser, file, size=size, scheme=scheme) as w:
            assert w.page.evaluate("document.documentElement.scrollWidth") == size[0]
            every = w.shown("[data-entry]")
            w.page.keyboard.press("/")
            w.page.keyboard.type("hba1c_pct")
            expect(w.page.locator("#found")).to_contain_text(" of ")
            assert 0 < w.shown("[data-entry]") < every
            assert w.page.locator("#table-labs-hba1c_pct").is_visible()
            w.page.keyboard.press("Escape")
            expect(w.page.locator("#found")).not_to_contain_text(" of ")
            assert w.shown("[data-entry]") == every
            w.page.evaluate("location.hash = '#endpoint-ep01'")
            expect(w.page.locator("#endpoint-ep01")).to_have_attribute("open", "")
            assert w.violations() == []
            assert (w.complaints, w.requests) == ([], [])

    @pytest.mark.browser
    def test_without_scripts_and_on_paper_everything_is_there(self, file: Path) -> None:
        with (
            chromium() as browser,
            opened(browser, file, javascript=False) as watched,
        ):
            assert watched.page.locator("#find").is_hidden()
            watched.page.emulate_media(media="print")
            assert watched.page.locator("#table-labs-hba1c_pct").is_visible()
