"""A page in headless Debian chromium, and a hand that draws on it."""

import base64
import json
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from chromium import browsing

from minisnn.hardware.c import episode
from minisnn.hardware import learn
from minisnn.hardware.page import make
from minisnn import EventCamera
from minisnn.data.sets.pool import Sight


@contextmanager
def opened(path, **options):
    """The page of a file, ready, without network; with lessons behind its address, where a link is
    opened. `options` are of playwright's context."""
    own = path.as_uri(), "about:blank", "data:", "blob:"
    with browsing(*own, **{"reduced_motion": "reduce", "offline": True, **options}) as page:
        page.set_default_timeout(120_000)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        yield page


def stroke(page, points) -> None:
    """With the mouse, and nothing that shows it."""
    page.locator("#paper").scroll_into_view_if_needed()
    box = page.locator("#paper").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def draw(page, strokes) -> None:
    """Strokes of points (x, y), shares of the square, with the mouse; then the drawing is shown."""
    for points in strokes:
        stroke(page, points)
    page.locator("#paper").press("Enter")
    page.locator("#answer:not([aria-busy])").wait_for()


SEEN = (
    "({picture: [...minisnn.seen.picture], number: minisnn.seen.number, near: minisnn.seen.near, counts: "
    "[...minisnn.seen.counts], "
    "scores: minisnn.seen.scores, shape: [minisnn.net.height, minisnn.net.width, 2]})"
)


def seen(page) -> dict:
    """What the page saw last: picture (28, 28), number, counts (T, H, W, 2), scores; as arrays."""
    found = page.evaluate(SEEN)
    found["picture"] = np.array(found["picture"], np.uint8).reshape(28, 28)
    found["counts"] = np.array(found["counts"], np.uint8).reshape(-1, *found.pop("shape"))
    return found


def sixty() -> str:
    """Lessons as the page saves them: 60 drawings of 20 classes."""
    bits = [bytes((n * (k + 3) * 37) & 255 for n in range(98)) for k in range(60)]
    taught = [[k % 20, k, base64.urlsafe_b64encode(x).decode()] for k, x in enumerate(bits)]
    one = dict(minisnn=2, side=28, rule="class-mean", names=[f"N{k}" for k in range(20)])
    return json.dumps(one | dict(lessons=taught))


class InPython(NamedTuple):
    """scores (asked, classes) at the last step; answers (asked,); the share of cells in which the
    cameras agree."""

    scores: np.ndarray
    answers: np.ndarray
    agree: float


def in_python(chip, taught: list[dict], asked: list[dict], rule: str = "class-mean") -> InPython:
    """Python's camera looks at the pictures of the page, Python's chip learns `taught`, a drawing of
    each class, and answers."""
    both, how = taught + asked, chip.recording
    pixels = how.cell * chip.input_shape[0], how.cell * chip.input_shape[1]
    wide = dict(step_ms=how.bin // 1000, centred=how.centred)
    sight = Sight(EventCamera(), 0, pixels, how.cell, **wide)
    numbers = np.array([one["number"] for one in both])
    seen_here = sight.counts(np.stack([one["picture"] for one in both]), numbers, 0)
    own = np.stack([one["counts"] for one in both])
    agree = float((seen_here == own).mean())
    n = len(taught)
    wide = np.zeros((len(chip.weight), len(taught)), np.int64)
    p = chip.traces_of(seen_here)
    blank = chip.with_readout(wide, wide[0])
    if rule == "class-mean":
        means = episode.means_of(chip, make.learner(chip, rule))
        for one in p[:n, -1]:
            means.learn(means.add(), one)
        far = np.array([means.distances(one) for one in p[n:, -1]])
        scores = np.array([means.scores(one) for one in p[n:, -1]])
        return InPython(scores, far.argmin(1), agree)
    learned = learn(blank, make.learner(chip, rule), p[:n], np.arange(n))
    u = blank.membranes(p[n:], learned.weight, learned.bias)[:, -1]
    return InPython(u, u.argmax(1), agree)
