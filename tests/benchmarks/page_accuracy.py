"""How well the page recognises characters that are drawn on it, in chromium, and how long it takes.

    python tests/benchmarks/page_accuracy.py [--groups N]       five characters, one drawing of each taught, three others asked

tracings.npz has drawings of characters of Omniglot's evaluation set by four people each (Lake et al.
2015, MIT licence), traced along the middle of their lines, one pixel in four, in the published
pictures of 105 x 105 pixels. They go through the page's pen as events of a pointer, and are shown as by its button. A
group of characters is one cluster of the interval. Tests compare the page's numbers with Python's.

Times are of the main thread's processor, so that they do not depend on what else runs: of seeing a
drawing and answering, most of which is done while the page waits whether the pen comes back, and of a
lesson after sixty others; for a reader who wants no motion, so that no animation is drawn. Both are
also taken with the main thread slowed down SLOWDOWN times, with what a clock in the page says from the
pen's lifting to the answer, and from the click to the lesson's end; those do depend on what else runs.
For who watches, it is the time to the answer beyond the animation's own, in which the network goes on.
"""

import tempfile
from collections import defaultdict
from pathlib import Path

import edge
import findings
import numpy as np

from minisnn import read_strokes
from minisnn.hardware.page import make

from browser import opened, sixty, stroke  # of tests/hardware

TRACINGS = Path(__file__).with_name("tracings.npz")
CHARACTERS, DRAWINGS, WAYS, SIDE = 60, 4, 5, 105
SLOWDOWN = 4
EPISODES = 2000  # that mix the characters
# of a group: drawings as a pointer's events, the first WAYS of them taught, the others asked
VISIT = """async ([drawings, ways]) => {
  const paper = document.querySelector("#paper"), found = [];
  paper.setPointerCapture = () => {};  // of no real pointer
  for (const strokes of drawings) {
    const box = paper.getBoundingClientRect(), known = minisnn.lessons.length;
    for (const stroke of strokes) stroke.forEach(([x, y], n) => {
      const at = { pointerId: 7, clientX: box.x + x * box.width, clientY: box.y + y * box.height };
      for (const type of [n ? "pointermove" : "pointerdown", ...(n + 1 < stroke.length ? [] : ["pointerup"])])
        paper.dispatchEvent(new PointerEvent(type, at));
    });
    document.querySelector("#look").click();
    found.push({ near: minisnn.seen.near, traces: [...minisnn.net.traces()] });
    document.querySelector(known < ways ? "#teach button:last-child" : "#clear").click();
    while (known < ways && !document.querySelector("#answer").textContent.startsWith("Learned"))
      await new Promise((next) => setTimeout(next));
    await new Promise((next) => setTimeout(next));
  }
  return found;
}"""


# clocks of the page: lifted and answered, clicked and learned
STOP = """() => {
  const paper = document.querySelector("#paper"), answer = document.querySelector("#answer");
  globalThis.took = { answer: [], lesson: [] };
  let from = null, what = null;
  const start = (name) => () => { from = performance.now(); what = name; };
  paper.addEventListener("pointerup", start("answer"));
  const LONG = STEPS_US, animation = () => {  // ms, as the page plays it
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return 0;
    const first = minisnn.seen.events[0].t, end = 1000 * (minisnn.camera.places.length / 2 - 1);
    return ((Math.min(first + LONG, end) - first + 20000) / 1000) * Math.min(10, 1.2e6 / LONG);
  };
  document.querySelector("#teach").addEventListener("click", start("lesson"), true);
  new MutationObserver(() => {
    const words = answer.textContent, over = what === "lesson" ? words.startsWith("Learned") : /^(This is|I )/.test(words);
    if (from === null || answer.ariaBusy || !over) return;
    took[what].push((performance.now() - from - (what === "answer" ? animation() : 0)) / 1000);
    from = null;
  }).observe(answer, { childList: true, subtree: true, attributes: true });
}"""


def mixed(traces: np.ndarray) -> float:
    """The share of right answers in episodes of any WAYS of the characters, by class means of one
    drawing each as the page has them: traces (characters, drawings, inputs), 4096ths."""
    rng = np.random.default_rng(0)
    right = []
    for _ in range(EPISODES):
        which = rng.choice(len(traces), WAYS, replace=False)
        shown, *asked = rng.permutation(traces.shape[1])
        means = np.minimum((traces[which, shown] + 8) // 16, 255)
        for one in asked:
            far = ((traces[which, one][:, None] - 16 * means[None]) ** 2).sum(-1)
            right.append((far.argmin(1) == np.arange(WAYS)).mean())
    return float(np.mean(right))


class Clock:
    """The seconds that the page's main thread has computed."""

    def __init__(self, page):
        self.tools = page.context.new_cdp_session(page)
        self.tools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def __call__(self) -> float:
        found = self.tools.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found}["TaskDuration"]


def timed(page, strokes, long: int) -> dict[str, list]:
    """Seconds of answers and of lessons after sixty others; a recording lasts `long` us."""
    took = defaultdict(list)
    clock = Clock(page)
    page.evaluate("text => minisnn.open(text)", sixty())
    page.evaluate(STOP.replace("STEPS_US", str(long)))
    for number in range(2 * DRAWINGS):
        slow = "-slow" * (number >= DRAWINGS)
        clock.tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN if slow else 1})
        stroke(page, max(strokes(number), key=len))
        began = clock()
        page.locator("#replay:enabled").wait_for()
        page.locator("#answer:not([aria-busy])").wait_for()
        took["answer" + slow].append(clock() - began)
        began = clock()
        page.get_by_role("button", name="A new symbol").click()
        page.locator("#known li").nth(20 + number).wait_for()
        took["lesson" + slow].append(clock() - began)
    waited = page.evaluate("took")
    return took | {f"{name}-slow-clock": waited[name][DRAWINGS:] for name in waited}


def main() -> None:
    options = findings.command_line(__doc__, groups=CHARACTERS // WAYS).parse_args()
    groups, chip, given = (
        options.groups,
        edge.device("omniglot_fine.h5").chip,
        read_strokes(TRACINGS),
    )
    right = []
    traces = []
    long = chip.recording.bin * make.STEPS
    path = Path(tempfile.mkdtemp()) / "page.html"
    path.write_text(make.page(chip), encoding="utf-8")
    order = np.tile(np.arange(WAYS), DRAWINGS - 1)

    def strokes(number: int) -> list:
        return [(one.xy / SIDE).tolist() for one in given.of(number)]

    with opened(path) as page:
        for group in range(groups):
            numbers = np.arange(WAYS * DRAWINGS).reshape(WAYS, DRAWINGS).T.ravel()
            shown = [strokes(number) for number in DRAWINGS * WAYS * group + numbers]
            drawn = page.evaluate(VISIT, [shown, WAYS])
            page.click("#forget")
            traces.append([one["traces"] for one in drawn])
            right.append(float(np.mean([one["near"] for one in drawn[WAYS:]] == order)))
            print(f"{group + 1}: {100 * np.mean(right):.1f} %", flush=True)
        took = timed(page, strokes, long)
    with opened(path, reduced_motion="no-preference") as page:
        took["answer-watched-slow-clock"] = timed(page, strokes, long)["answer-slow-clock"]
    known = np.reshape(traces, (groups, DRAWINGS, WAYS, -1)).swapaxes(1, 2)
    found = findings.Findings()
    found.mean("page", right, "%")
    found.add("mixed", mixed(known.reshape(groups * WAYS, DRAWINGS, -1).astype(np.int64)), "%")
    for name, seconds in took.items():
        found.add(f"{name}-seconds", float(np.median(seconds)), "s")
    found.count(answers=groups * WAYS * (DRAWINGS - 1))
    found.more = dict(groups=groups, per_group=right)
    found.write(options.json)


if __name__ == "__main__":
    main()
