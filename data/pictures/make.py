"""Film the page that one teaches by drawing, in Debian's chromium.

    minisnn hardware page teach.html && python data/pictures/make.py teach.html

Writes page.gif, six seconds for README, and lessons/guides/page.png. The page's clock is moved on
by hand, so that the pictures do not depend on the speed of the machine. Needs playwright and Pillow.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
PNG = HERE.parents[1] / "lessons" / "guides" / "page.png"
SIZE = {"width": 1160, "height": 680}
STEP, FRAME, HOLD = 100, 70, 2200  # ms between frames, that one is shown, and the last one
COLOURS = 128
DOT = """() => {
  const dot = document.createElement("b");
  dot.style = "position: fixed; z-index: 9; width: 18px; height: 18px; margin: -9px; " +
    "border-radius: 9px; background: #e8590cb0; pointer-events: none";
  document.body.append(dot);
  addEventListener("pointermove", ({ clientX, clientY }) => {
    [dot.style.left, dot.style.top] = [`${clientX}px`, `${clientY}px`];
  }, true);
  document.querySelector("main").scrollIntoView();
}"""

# a drawing is a list of strokes, of points (x, y) in shares of the paper's side
FISH = [
    [(0.78, 0.3), (0.6, 0.52), (0.42, 0.62), (0.24, 0.58), (0.14, 0.48)]
    + [(0.24, 0.38), (0.42, 0.34), (0.6, 0.44), (0.78, 0.66)]
]
TREE = [
    [(0.5, 0.9), (0.5, 0.2)],
    [(0.2, 0.55), (0.5, 0.2), (0.8, 0.55)],
    [(0.3, 0.75), (0.5, 0.5), (0.7, 0.75)],
]
HOUSE = [
    [(0.25, 0.85), (0.25, 0.45), (0.5, 0.15), (0.75, 0.45), (0.75, 0.85), (0.25, 0.85)],
    [(0.45, 0.85), (0.45, 0.6), (0.58, 0.6), (0.58, 0.85)],
]
OTHER_HOUSE = [
    [(0.22, 0.8), (0.24, 0.42), (0.53, 0.2), (0.8, 0.5), (0.74, 0.83), (0.22, 0.8)],
    [(0.42, 0.8), (0.44, 0.58), (0.6, 0.61), (0.57, 0.82)],
]


def pass_time(page: Page, frames: list | None, number: int = 1) -> None:
    """Let the page's time pass, and take `number` pictures of it, if there is a list for them."""
    for _ in range(number):
        page.clock.run_for(STEP)
        if frames is not None:
            frames.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))


def draw(page: Page, drawing: list[list[tuple[float, float]]], frames: list | None) -> None:
    """Draw with the mouse, and wait until the network has answered."""
    box = page.locator("#paper").bounding_box()
    for stroke in drawing:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=4)
            pass_time(page, frames)
        page.mouse.up()
    page.clock.run_for(600)  # until the page takes the drawing for finished
    page.locator("#answer[aria-busy]").wait_for()
    while page.locator("#answer[aria-busy]").count():
        pass_time(page, frames)


def teach(page: Page, frames: list | None) -> None:
    """Teach the drawing as a new symbol."""
    button = page.get_by_role("button", name="A new symbol")
    button.hover()
    pass_time(page, frames, 8)
    button.click()
    page.locator("#answer", has_text="Learned").wait_for()
    pass_time(page, frames, 6)
    page.clock.run_for(2000)  # until the pen begins another drawing


def main(path: str) -> None:
    frames: list[Image.Image] = []
    with sync_playwright() as engines:
        chromium = shutil.which("chromium")
        browser = engines.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.clock.install(time=0)
        page.goto(Path(path).resolve().as_uri())
        page.wait_for_selector("html[data-ready]")
        page.clock.pause_at(3_600_000)
        page.evaluate(DOT)
        for drawing, filmed in ((FISH, None), (TREE, None), (HOUSE, frames)):
            draw(page, drawing, filmed)
            teach(page, filmed)
        draw(page, OTHER_HOUSE, frames)
        pass_time(page, frames)
        page.set_viewport_size({**SIZE, "height": 1110})
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        picture.quantize(COLOURS).save(PNG, optimize=True)
        browser.close()
    palette = frames[-1].quantize(COLOURS)
    first, *others = (frame.quantize(palette=palette, dither=0) for frame in frames)
    times = [FRAME] * len(others) + [HOLD]
    first.save(HERE / "page.gif", save_all=True, append_images=others, duration=times, loop=0)
    print(f"{len(frames)} frames, {sum(times) / 1000:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
