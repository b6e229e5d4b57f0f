"""A page in headless Chromium."""

import shutil
from contextlib import contextmanager

import pytest

NAMES = "chromium", "chromium-browser", "google-chrome"
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browsing(*own: str, **options):
    """A new page; what it complains of, or asks for but addresses that begin as `own`, fails at the
    end. `options` are of playwright's context."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason='playwright is not installed; pip install "minisnn[test]"'
    )
    if CHROMIUM is None:
        pytest.skip("no chromium; Debian package: chromium")
    with playwright.sync_playwright() as engines:
        browser = engines.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(**options).new_page()
        said = []
        asked = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        yield page
        assert said == []
        assert [url for url in asked if not url.startswith(own)] == []
        browser.close()
