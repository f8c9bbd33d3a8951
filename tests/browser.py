"""Pages opened in headless Chromium, the system's own: a test that needs it is skipped where there is none."""

import contextlib
import os
import shutil

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def page(width=1280, height=800, expected=()):
    """Gives a blank page of Playwright's in a window of `width` x `height`; skips the test where there is no browser.

    An error of a page's script, one that the browser says on its console, and a request that leaves the machine, fail
    the test: pages work without a network. Not so a line on the console that has one of the texts of `expected`.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"needs a browser: none of {', '.join(PROGRAMS)} is installed")
    from playwright.sync_api import sync_playwright

    errors = []
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which Chromium refuses to root
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        try:
            opened = browser.new_page(viewport={"width": width, "height": height})
            opened.on("pageerror", lambda error: errors.append(str(error)))
            opened.on("console", lambda said: errors.extend(_faults(said, expected)))
            opened.on("request", lambda request: errors.extend(_outside(request.url)))
            yield opened
        finally:
            browser.close()
    assert not errors, errors


def _faults(said, expected):
    known = said.type != "error" or any(text in said.text for text in expected)
    return [] if known else [said.text]


def _outside(url):
    local = url.startswith(("file:", "data:", "blob:", "about:", "http://localhost:", "http://127.0.0.1:"))
    return [] if local else [f"the page asks for {url}"]
