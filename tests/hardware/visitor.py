"""A visitor of the page, by mouse, touch or keyboard, in Chromium; and the ten mistakes of a first
one."""

import base64
import json
import time
from contextlib import contextmanager

from browser import opened

HANDS = "mouse", "touch", "keyboard"
ELL, HOOK = [(0.3, 0.2), (0.3, 0.8), (0.7, 0.8)], [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)]
FINE, COARSE = 0.025, 0.1  # of the paper, that an arrow moves the pen by; with shift
TAP = 0.1  # seconds; a tap of no length right after a scroll makes no click in Chromium


class Visitor:
    """What both browsers have in common; `by` is one of HANDS."""

    by: str

    def js(self, expression: str):
        raise NotImplementedError

    def pointer(self, moves) -> None:
        """Of ("down" | "move" | "up", x, y), in pixels of the window."""
        raise NotImplementedError

    def keys(self, names) -> None:
        raise NotImplementedError

    def until(self, expression: str) -> None:
        for _ in range(1200):
            if self.js(expression):
                return
            time.sleep(0.1)
        raise AssertionError(f"never: {expression}")

    def place(self, element: str, x: float = 0.5, y: float = 0.5) -> tuple[float, float]:
        """In pixels of the window, of a point in an element that JavaScript names; it comes into
        view."""
        box = self.js(
            f"(() => {{ const one = {element}; one.scrollIntoView({{block: 'center'}}); "
            "return one.getBoundingClientRect().toJSON(); })()"
        )
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def click(self, element: str, times: int = 1) -> None:
        if self.by == "keyboard":
            self.js(f"{element}.focus()")
            return self.keys(["Enter"] * times)
        at = self.place(element)
        self.pointer([(what, *at) for what in ("down", "up")] * times)

    def press(self, text: str, times: int = 1) -> None:
        """The button of this text, which must be there."""
        one = f"[...document.querySelectorAll('button')].find((b) => b.textContent === {text!r})"
        assert self.js(f"!!{one}"), text
        self.click(one, times)

    def stroke(self, points, held: bool = False) -> None:
        """Along points in shares of the paper; `held`: the pen stays down."""
        if self.by == "keyboard":
            self.js("document.querySelector('#paper').focus()")
            self.keys(["Shift+ArrowLeft"] * 10 + ["Shift+ArrowUp"] * 10)
            at, names = (0.0, 0.0), []
            for n, point in enumerate(points):
                names += moves(at, point)
                names += ["Space"] * (n == 0)
                at = point
            return self.keys(names + ["Space"] * (not held))
        places = [self.place("document.querySelector('#paper')", *point) for point in points]
        whats = ["down"] + ["move"] * (len(points) - 1)
        self.pointer([(what, *at) for what, at in zip(whats, places)])
        if not held:
            self.lift(places[-1])

    def lift(self, at=(0, 0)) -> None:
        if self.by == "keyboard":
            return self.keys(["Space"])
        self.pointer([("up", *at)])

    def show(self, points) -> None:
        """Draw, and wait for an answer without asking for one."""
        before = self.js("minisnn.seen?.number ?? -1")
        self.stroke(points)
        self.until(
            f"minisnn.seen?.number > {before} && !document.querySelector('#answer').ariaBusy"
        )

    def teach(self, points) -> None:
        self.show(points)
        number = self.lessons
        self.press("A new symbol")
        self.until(f"minisnn.lessons.length === {number + 1}")
        self.until("!document.querySelector('#known').ariaBusy")

    @property
    def lessons(self) -> int:
        return self.js("minisnn.lessons.length")

    @property
    def names(self) -> list[str]:
        return self.js("minisnn.classes.map(({name}) => name)")

    def said(self, where: str = "answer") -> str:
        return self.js(f"document.querySelector('#{where}').textContent")


def moves(start, end) -> list[str]:
    """Arrow keys from one point to another, across first."""
    found = []
    for axis, names in enumerate((("ArrowLeft", "ArrowRight"), ("ArrowUp", "ArrowDown"))):
        steps = round((end[axis] - start[axis]) / FINE)
        name, ratio = names[steps > 0], round(COARSE / FINE)
        found += [f"Shift+{name}"] * (abs(steps) // ratio) + [name] * (abs(steps) % ratio)
    return found


class InChromium(Visitor):
    def __init__(self, page, by: str):
        self.page, self.by = page, by
        self.cdp = page.context.new_cdp_session(page)

    def js(self, expression: str):
        return self.page.evaluate(expression)

    def keys(self, names) -> None:
        for name in names:
            self.page.keyboard.press(name)

    def pointer(self, moves) -> None:
        for what, x, y in moves:
            if self.by == "touch":
                touch = {"down": "touchStart", "move": "touchMove", "up": "touchEnd"}[what]
                points = [] if what == "up" else [dict(x=x, y=y)]
                if what == "up":
                    time.sleep(TAP)
                self.cdp.send("Input.dispatchTouchEvent", dict(type=touch, touchPoints=points))
            elif what == "move":
                self.page.mouse.move(x, y)
            elif what == "down":
                self.page.mouse.move(x, y)
                self.page.mouse.down()
            else:
                self.page.mouse.up()

    def ready(self) -> None:
        self.page.wait_for_selector("html[data-ready]")

    def reload(self) -> None:
        self.page.reload()
        self.ready()

    def leave_and_come_back(self) -> None:
        self.page.goto("about:blank")
        self.page.go_back()
        self.ready()


@contextmanager
def visiting(path, size: tuple[int, int], by: str):
    """A Visitor of the page of a file; what it complains of, or asks a network for, fails at the
    end."""
    view = {"width": size[0], "height": size[1]}
    with opened(path, viewport=view, has_touch=by == "touch") as page:
        yield InChromium(page, by)


def sixty() -> str:
    """Lessons as the page saves them: 60 drawings of 20 classes."""
    bits = [bytes((n * (k + 3) * 37) & 255 for n in range(98)) for k in range(60)]
    taught = [[k % 20, k, base64.urlsafe_b64encode(x).decode()] for k, x in enumerate(bits)]
    one = dict(minisnn=2, side=28, rule="class-mean", names=[f"N{k}" for k in range(20)])
    return json.dumps(one | dict(lessons=taught))


# ---- the mistakes; each begins and ends with a page that knows nothing


def draws_on(visitor: Visitor) -> None:
    """After an answer, a stroke begins another drawing, and the old one is never taught."""
    visitor.teach(ELL)
    visitor.show(ELL)
    visitor.js("new Promise((done) => setTimeout(done, 1800))")
    visitor.stroke(HOOK)
    assert visitor.js("minisnn.strokes.length") == 1
    visitor.press("A new symbol")  # before it was shown
    visitor.until("minisnn.lessons.length === 2")
    assert visitor.js("new Set(minisnn.lessons.map(({picture}) => picture.join())).size") == 2


def clears_and_teaches(visitor: Visitor) -> None:
    visitor.show(ELL)
    visitor.press("Clear")
    visitor.press("A new symbol")
    assert visitor.lessons == 0 and visitor.js("minisnn.seen") is None


def clicks_twice(visitor: Visitor) -> None:
    visitor.show(ELL)
    visitor.press("A new symbol", times=2)
    visitor.until("minisnn.lessons.length")
    assert visitor.lessons == 1


def reloads(visitor: Visitor) -> None:
    visitor.teach(ELL)
    visitor.teach(HOOK)
    visitor.reload()
    assert visitor.names == ["Symbol 1", "Symbol 2"]
    visitor.show(HOOK)
    assert "This is Symbol 2." in visitor.said()


def gives_two_equal_names(visitor: Visitor) -> None:
    visitor.teach(ELL)
    visitor.teach(HOOK)
    visitor.js(
        "(() => { const field = document.querySelectorAll('#known li input')[1]; "
        "field.value = 'symbol 1 '; field.dispatchEvent(new Event('change')); })()"
    )
    assert "two need different names" in visitor.said("written")
    assert visitor.names == ["Symbol 1", "Symbol 2"]
    visitor.press("Make them one")
    visitor.until("minisnn.classes.length === 1")
    assert visitor.lessons == 2


def teaches_sixty(visitor: Visitor) -> None:
    visitor.js(f"minisnn.open({json.dumps(sixty())})")
    assert visitor.lessons == 60 and visitor.js("minisnn.net.classes") == 20
    visitor.teach(ELL)
    visitor.show(ELL)
    assert "This is Symbol 1." in visitor.said() and len(visitor.names) == 21


def goes_offline(visitor: Visitor) -> None:
    """Nothing is asked for, which `visiting` checks at its end; nor is a network looked for."""
    visitor.js("dispatchEvent(new Event('offline'))")
    visitor.teach(ELL)
    assert visitor.js("performance.getEntriesByType('resource').length") == 0


def goes_back(visitor: Visitor) -> None:
    visitor.teach(ELL)
    visitor.leave_and_come_back()
    assert visitor.lessons == 1
    visitor.show(ELL)
    assert "This is Symbol 1." in visitor.said()


def makes_a_dot(visitor: Visitor) -> None:
    visitor.stroke([(0.5, 0.5), (0.525, 0.5)])
    visitor.until("document.querySelector('#answer').textContent.includes('only a dot')")
    visitor.press("A new symbol")
    assert visitor.lessons == 0


def holds_the_pen(visitor: Visitor) -> None:
    """Nothing is shown, and nothing lost, until it is lifted."""
    visitor.stroke(HOOK, held=True)
    visitor.js("new Promise((done) => setTimeout(done, 1500))")
    assert visitor.js("minisnn.seen") is None and visitor.js("minisnn.strokes.length") == 1
    visitor.lift(visitor.place("document.querySelector('#paper')", *HOOK[-1]))
    visitor.until("minisnn.seen")
    assert visitor.js("minisnn.strokes.length") == 1


MISTAKES = (
    draws_on,
    clears_and_teaches,
    clicks_twice,
    reloads,
    gives_two_equal_names,
    teaches_sixty,
    goes_offline,
    goes_back,
    makes_a_dot,
    holds_the_pen,
)


def all_mistakes(visitor: Visitor, width: int) -> None:
    for mistake in MISTAKES:
        mistake(visitor)
        assert visitor.js("document.documentElement.scrollWidth") <= width, mistake.__name__
        if visitor.js("!!minisnn.strokes.length"):
            visitor.press("Clear")
        if visitor.lessons:
            visitor.press("Forget all")
            visitor.until("!minisnn.lessons.length")
