"""The interactive pictures in JupyterLab, by Playwright and Chromium: a slider that is moved there draws anew."""

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
    options = [f"--port={port}", "--no-browser", "--IdentityProvider.token=", "--allow-root", f"--notebook-dir={tmp_path}"]
    with subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
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
        page.goto(f"{lab}/lab/tree/pictures.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.click('text="Run"')
        page.click('text="Run All Cells"')
        for name, (slider, to, part) in MOVES.items():
            page.wait_for_selector(f".ms-{name} {part}", state="attached")
            before = page.inner_html(f".ms-{name} .drawing")
            move = "(one, to) => { one.value = to; one.dispatchEvent(new Event('input')); }"
            page.eval_on_selector(f".ms-{name} input[name={slider}]", move, str(to))
            assert page.inner_html(f".ms-{name} .drawing") != before, name
        assert not [url for url in asked if not url.startswith((lab, lab.replace("http", "ws"), "data:", "blob:"))]
        browser.close()
