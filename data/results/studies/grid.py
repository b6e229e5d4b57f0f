"""Beyond the paper: every other camera of a grid, offsets by halves of a pixel, scales and numbers
of events all at once.

One episode at each point says what the mean of the grid is. A single point it cannot tell: where
the means along the four axes add up to the least, more episodes are met, which had no part in the
choice. What is told of the worst point is the mean of those at the point that was chosen first: the
least of the means that were met again would be too low.
"""

from functools import partial
from itertools import product

import numpy as np

from minisnn.data.camera.variation import Move
from minisnn.training.baselines import Adapted, Answers, answers, frames, rows_of
from minisnn.data.sets.named import open_set
from minisnn.experiments.findings import Findings
from minisnn.experiments.study import Settings, Study

TITLE = (
    "Every other camera: the mean over a grid of offsets, scales and numbers of events, and the "
    "worst points"
)
DATASET, NETWORK = "double-nmnist", "moved-snn"
ALIGNED = {"none": "as they lie", "support": "aligned by the support"}
HALVES = tuple(k / 2 for k in range(-6, 7))
AXES = {
    "right (pixels)": HALVES,
    "down (pixels)": HALVES,
    "scale": (0.85, 1.0, 1.15),
    "events (times)": (0.5, 1.0, 2.0),
}
# a part of it is spread over all of it
GRID = np.random.default_rng(0).permutation(list(product(*AXES.values())))
HOW = (*ALIGNED.values(), "nearest mean: pixel baseline, not aligned")
WORST, LOOKS = 6, 40  # points that are met again, and episodes of each


def run(study: Study, found: Findings) -> None:
    checkpoint = study.network(f"{DATASET}/{NETWORK}")
    if checkpoint is None:
        found.missing.append("no network meta-trained on another camera for every recording")
        return
    points = GRID[: study.settings.episodes]
    rule = Adapted.of(checkpoint)
    rows = rows_of(list(HOW), _answers(study, "grid", rule, points, 0))
    accuracy = {how: np.array(row.per_episode) for how, row in rows.items()}
    table: list[list] = [
        [how, "mean of the grid", None, *row.columns()] for how, row in rows.items()
    ]
    for align, how in ALIGNED.items():
        expected = np.zeros(len(points))
        for along in points.T:  # the mean of the points that share a place on this axis
            expected += [accuracy[how][along == at].mean() for at in along]
        again = points[np.argsort(expected, kind="stable")[:WORST]]
        looks = _answers(study, f"grid-worst-{align}", rule, np.repeat(again, LOOKS, 0), len(GRID))
        met = [
            rows_of(list(HOW), looks[first : first + LOOKS])[how]
            for first in range(0, len(looks), LOOKS)
        ]
        for point, e in zip(again, met):
            place = " ".join(f"{n:g}" for n in point)
            table.append([how, "met again", place, *e.columns()])
        found.summary += (
            f"{how}: {100 * accuracy[how].mean():.1f} % averaged over the grid, "
            f"{met[0].percent()} % by {LOOKS} other episodes at the point that looked worst. "
        )
    found.table(
        "grid",
        "Accuracy on unseen classes (%)",
        "tasks | what | where | accuracy ± 95 % CI | over episodes",
        table,
        f"{len(points)} of the {len(GRID)} points, an episode each; points met again have {LOOKS} "
        "others, and stand in the order of the first pass, the worst first. Where: right, down "
        "(pixels), scale, events (times).",
    )


def _answers(
    study: Study, key: str, rule: Adapted, points: np.ndarray, first: int
) -> list[Answers]:
    """Answers of the rule with and without alignment, and of summed frames: an episode a point, from
    number `first` on."""
    s = study.settings
    one = partial(one_point, s, s.root_of(DATASET), rule, points, first)
    return study.each(key, len(points), one)


def one_point(
    settings: Settings, root: str | None, rule: Adapted, points: np.ndarray, first: int, index: int
) -> Answers:
    """Correct answers to an episode whose recordings are moved to a point, and the recordings of each
    answer."""
    x, y, scale, rate = points[index].tolist()
    move = Move((x, y), scale, rate)
    found = []
    for align in ("none", "support"):
        tasks = open_set(DATASET, "test", root, False, move=move, align=align, cache=False)
        rules = [rule, frames] if align == "none" else [rule]
        found.append(
            answers(tasks, rules, settings.seed, rule.net.ways, 1, settings.queries, first + index)
        )
    plain, aligned = found
    return plain._replace(right=np.stack([plain.right[0], aligned.right[0], plain.right[1]]))
