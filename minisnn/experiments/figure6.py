"""Figure 6: transfer learning next to meta-learning: the shots needed by a network that was
pretrained without it.

The body classifies the 64 meta-training classes. A new readout, from zero, is trained on test
classes by Adam at 1e-3. One shot per class is added at a time (UPDATES full-batch updates on all
shots so far), and the readout is tested on 20 unseen samples of each class.
"""

import math
from collections.abc import Iterable

import numpy as np

from ..meta.optim import Adam
from ..training.baselines import Answers, correct, drawn_by, rows_of
from ..training.intervals import Estimate, of_trials
from .findings import Findings
from .readout import network, spikes_of
from .study import Settings, Study
from .sweep import Curve, Sweep

TRIALS, SHOTS, QUERIES, UPDATES, LR = 10, 15, 20, 30, 1e-3
DATASET, ROLE, MAML = "double-nmnist", "double-nmnist/pretrained-snn", "double-nmnist/maml-snn"


def trial_of(
    tasks,
    settings: Settings,
    net,
    body: np.ndarray,
    ways: int,
    sizes: tuple[int, ...],
    lr: float,
    trial: int,
):
    """Return the answers after 1, 2, … shots. body: the pretrained theta; sizes: shots, queries and
    updates per shot."""
    shots, queries, updates = sizes
    task = tasks.episode(settings.seed + 1000, trial, ways, shots, queries)
    # support samples are sorted by class
    by_shot = np.argsort(np.arange(len(task.y_support)) % shots, kind="stable")
    y = task.y_support[by_shot]
    support, query = (spikes_of(net, body, x) for x in (task.x_support[by_shot], task.x_query))
    readout = network(net, ways)
    theta = np.zeros(readout.size, readout.dtype)
    adam = Adam(readout.size, dtype=readout.dtype)
    right = []
    for known in range(ways, len(y) + 1, ways):
        for _ in range(updates):
            gradient = readout.loss_and_gradient(theta, support[:known], y[:known])[1]
            theta = adam.step(theta, gradient, lr)
        right.append(correct(readout(theta, query), task)[0])
    return Answers(np.array(right), drawn_by(task, support=False))


def transfer(study: Study, found: Findings) -> Iterable[Curve]:
    """Measure transfer learning for this number of ways."""
    pretrained = study.network(ROLE, found)
    maml = study.network(MAML, found)
    if pretrained is None or maml is None:
        return
    for ways in (5, 20):
        parts = pretrained.net, pretrained.theta, ways, (SHOTS, QUERIES, UPDATES), LR
        trials = study.items(DATASET, trial_of, *parts, count=TRIALS)
        rows = rows_of(list(range(1, SHOTS + 1)), trials)
        yield Curve([f"{ways}-way"], study, DATASET, rows=rows)


def deviations(curve: Curve, episodes: int) -> None:
    """Return the standard deviation over trials."""
    for shots, row in curve.rows.items():
        curve.more[shots] = [f"{100 * np.std(row.per_episode, ddof=1):.1f}"]


def ten_shots(found: Findings, curves: list[Curve]) -> None:
    for curve in curves:
        maml = curve.study.accuracies(MAML)
        good = np.array([row.per_episode for row in curve.rows.values()]).T >= maml.mean
        needed = of_trials(np.where(good.any(1), good.argmax(1) + 1, SHOTS + 1))
        never = int((~good.any(1)).sum())
        asked = (
            f"first number of shots that reaches {100 * maml.mean:.1f} %, MAML's 5-way accuracy "
            f"taken as exact, mean over {TRIALS} trials, from 5 to 20"
        )
        if never:  # a lower bound
            needed = Estimate(needed.mean)
            asked += f"; {never} trials never did and count as {SHOTS + 1}, so it is more than this"
        found.claim(
            f"transfer learning ({curve.labels[0]}) needs about ten shots to reach MAML's one-shot "
            "accuracy",
            "9-10 shots",
            needed,
            5,
            20,
            rule=asked,
            unit="shots",
            scale=1,
        )
    for curve in curves[:1]:
        one = curve.estimates[1]
        found.claim(
            "one shot teaches more after meta-training than after pretraining (5-way)",
            "MAML learns in one shot",
            Estimate(maml.mean - one.mean, ci95=math.hypot(maml.half, one.half)),
            5,
            rule="MAML minus transfer at one shot above 5 points",
        )


SHOTS_NEEDED = Sweep(
    title="Figure 6: shots that transfer learning needs to reach MAML's one-shot accuracy",
    heading="Accuracy of a new readout on a pretrained body (%)",
    labels="ways | shots",
    curves=transfer,
    estimate=lambda row: of_trials(row.per_episode),
    last="SD over trials",
    note=f"{TRIALS} trials, each with other support recordings, {QUERIES} unseen samples per class; "
    "over episodes: of these.",
    some=False,
    more=deviations,
    claims=ten_shots,
    baselines=("test",),
    axes=dict(
        xlabel="shots per class", title="Shots that a new readout on a pretrained body needs"
    ),
    caption="A new readout on a pretrained body; MAML's one shot is in the table of baselines.",
)
