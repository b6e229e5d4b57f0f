"""The interactive pictures in JupyterLab, by Playwright and Chromium: a slider that is moved there
draws again.

The kernel is started before the page is opened. On a busy machine JupyterLab does not know of it
yet when the cells are to run, and asks which one to take: it is told, and the cells are run again.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import interactive
import pytest

pytestmark = pytest.mark.slow
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


def _asked(address: str, body=None):
    """What the server answers to a question, or to a body that is posted."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address, data), timeout=60) as answer:
        return json.load(answer)


def _until(happens, seconds: float):
    """What `happens` returns as soon as it is true. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := happens():
                return found
        except OSError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"not within {seconds} s")


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab whose folder holds one notebook with all pictures."""
    pytest.importorskip("jupyterlab")
    v4, nbformat = pytest.importorskip("nbformat.v4"), pytest.importorskip("nbformat")
    cells = [v4.new_code_cell("import interactive")]
    cells += [v4.new_code_cell(f'interactive.show("{name}")') for name in interactive.NAMES]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "pictures.ipynb")
    for name in ("interactive.py", "style.py"):
        shutil.copy(interactive.FOLDER.parent / name, tmp_path)
    shutil.copytree(interactive.FOLDER, tmp_path / "pictures")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    options = [
        f"--port={port}",
        "--no-browser",
        "--IdentityProvider.token=",
        "--allow-root",
        f"--notebook-dir={tmp_path}",
    ]
    options += ["--ServerApp.disable_check_xsrf=True"]
    with subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options], stderr=subprocess.DEVNULL
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _until(lambda: _asked(f"{address}/api"), 240)
            one = {
                "path": "pictures.ipynb",
                "name": "pictures.ipynb",
                "type": "notebook",
                "kernel": {"name": "python3"},
            }
            kernel = _until(lambda: _asked(f"{address}/api/sessions", one), 240)["kernel"]["id"]
            _until(
                lambda: (
                    _asked(f"{address}/api/kernels/{kernel}")["execution_state"]
                    in ("idle", "starting")
                ),
                240,
            )
            yield address
        finally:
            process.terminate()


@pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed: apt-get install chromium")
def test_sliders_answer_in_jupyterlab(lab):
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    from test_interactive import MOVES

    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page, asked = browser.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.set_default_timeout(120_000)
        page.goto(f"{lab}/lab/tree/pictures.ipynb?reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        last, asked_last = list(MOVES)[-1], -60.0
        end = time.monotonic() + 400
        while not page.locator(f".ms-{last} {MOVES[last][2]}").count() and time.monotonic() < end:
            if page.locator(
                ".jp-Dialog .jp-mod-accept"
            ).count():  # "Select Kernel", where the page has not met it yet
                page.locator(".jp-Dialog .jp-mod-accept").first.click()
                asked_last = -60.0
            elif time.monotonic() - asked_last > 60:
                page.click('text="Run"')
                page.click('text="Run All Cells"')
                asked_last = time.monotonic()
            page.wait_for_timeout(500)
        for name, (slider, to, part) in MOVES.items():
            page.wait_for_selector(f".ms-{name} {part}", state="attached")
            before = page.inner_html(f".ms-{name} .drawing")
            move = "(one, to) => { one.value = to; one.dispatchEvent(new Event('input')); }"
            page.eval_on_selector(f".ms-{name} input[name={slider}]", move, str(to))
            assert page.inner_html(f".ms-{name} .drawing") != before, name
        assert not [
            url
            for url in asked
            if not url.startswith((lab, lab.replace("http", "ws"), "data:", "blob:"))
        ]
        browser.close()
