"""Figure 6: transfer learning beside meta-learning: the shots that a network needs which was
pretrained without it.

The body classifies the 64 meta-training classes. A new readout, from zero, is trained on test
classes by Adam at 1e-3, one shot a class more at a time (UPDATES full-batch updates on all shots so
far), and tested on 20 unseen samples of each class.
"""

import math
from dataclasses import replace

import numpy as np

from ..meta.optim import Adam
from ..plots import COLOURS
from ..training.baselines import Answers, Row, correct, drawn_by, rows_of
from .baselines import add_baselines
from .drawing import drawn
from .findings import Findings
from .readout import Readout, spikes_of
from .statistics import Estimate, estimate, over
from .study import Settings, Study, recalled, recorded

TITLE = "Figure 6: shots that transfer learning needs to reach MAML's one-shot accuracy"
TRIALS, SHOTS, QUERIES, UPDATES, LR = 10, 15, 20, 30, 1e-3
DATASET, ROLE, MAML = "double-nmnist", "double-nmnist/pretrained-snn", "double-nmnist/maml-snn"


def _trial(
    tasks,
    settings: Settings,
    net,
    body: np.ndarray,
    ways: int,
    sizes: tuple[int, ...],
    lr: float,
    trial: int,
):
    """The answers after 1, 2, … shots; `body` is the pretrained theta, sizes are shots, queries and
    updates a shot."""
    shots, queries, updates = sizes
    task = tasks.episode(settings.seed + 1000, trial, ways, shots, queries)
    readout = Readout(net, ways)
    # support samples are sorted by class
    by_shot = np.argsort(np.arange(len(task.y_support)) % shots, kind="stable")
    support, query = (
        readout.traces(spikes_of(net, body, x)) for x in (task.x_support[by_shot], task.x_query)
    )
    y = task.y_support[by_shot]
    theta = np.zeros(readout.size, readout.dtype)
    adam = Adam(readout.size, dtype=readout.dtype)
    right = []
    for known in range(ways, len(y) + 1, ways):
        for _ in range(updates):
            theta = adam.step(
                theta, readout.loss_and_gradient(theta, support[:known], y[:known])[1], lr
            )
        right.append(correct(readout.logits(theta, query), task)[0])
    return recorded(Answers(np.array(right), drawn_by(task, support=False)))


def run(study: Study, found: Findings) -> None:
    if study.network(ROLE) is None or study.network(MAML) is None:
        found.missing.append(
            "needs a network pretrained on classification and one meta-trained by MAML"
        )
        return
    trained = study.network(ROLE)
    curves = {}
    shots = dict[int, list[Row]]()
    for ways in (5, 20):
        trials = study.items(
            f"transfer-{ways}-way",
            DATASET,
            _trial,
            trained.net,
            trained.theta,
            ways,
            (SHOTS, QUERIES, UPDATES),
            LR,
            count=TRIALS,
        )
        shots[ways] = list(
            rows_of(list(map(str, range(SHOTS))), [recalled(*one) for one in trials]).values()
        )
        curves[ways] = np.array([row.per_episode for row in shots[ways]]).T
    maml = estimate(study.accuracies(MAML, DATASET))
    rows = []
    never = {}
    e = {ways: [over(row) for row in of_ways] for ways, of_ways in shots.items()}
    for ways, curve in curves.items():
        for known, one in enumerate(e[ways], 1):
            sd = f"{100 * curve[:, known - 1].std(ddof=1):.1f}"
            rows.append([ways, known, *one.columns(), sd])
        good = curve >= maml.mean
        needed = over(np.where(good.any(1), good.argmax(1) + 1, SHOTS + 1))
        never[ways] = int((~good.any(1)).sum())
        asked = (
            f"first number of shots that reaches {100 * maml.mean:.1f} %, MAML's 5-way accuracy "
            "taken as exact, mean over "
            f"{TRIALS} trials, from 5 to 20"
        )
        if never[ways]:  # at least so many
            needed = replace(needed, ci95=None)
            asked += f"; {never[ways]} trials never did and count as {SHOTS + 1}, so it is more than this"
        found.claim(
            f"transfer learning ({ways}-way) needs about ten shots to reach MAML's one-shot "
            "accuracy",
            "9-10 shots",
            needed,
            5,
            20,
            rule=asked,
            unit="shots",
            scale=1,
        )
    gap = Estimate(maml.mean - e[5][0].mean, math.hypot(maml.half, e[5][0].half), None, TRIALS)
    found.claim(
        "one shot teaches more after meta-training than after pretraining (5-way)",
        "MAML learns in one shot",
        gap,
        5,
        rule="MAML minus transfer at one shot above 5 points",
    )
    found.table(
        "figure-6",
        "Accuracy of a new readout on a pretrained body (%)",
        "ways | shots | accuracy ± 95 % CI | over episodes | SD over trials",
        rows,
        f"{TRIALS} trials, each with other support recordings, {QUERIES} unseen samples a class; "
        "over episodes: of these. "
        f"MAML, 5-way, one shot, one update: {maml.percent()} %.",
    )
    add_baselines(study, found, datasets=(DATASET,))
    found.figures["figure-6"] = (
        _draw(curves, maml),
        "A new readout on a pretrained body, against MAML's one shot and one update.",
    )
    found.summary = (
        f"MAML reaches {maml.percent()} % with one shot (5-way). Transfer learning has "
        f"{e[5][0].percent()} % "
        f"after one and {e[5][-1].percent()} % after {SHOTS} shots (20-way: {e[20][0].percent()} % "
        "and "
        f"{e[20][-1].percent()} %; of {TRIALS} trials {never[20]} never reach MAML's accuracy "
        "among five)."
    )


def _draw(curves: dict[int, np.ndarray], maml: Estimate):
    with drawn(6.4, 3.8) as (fig, (axes,)):
        for (ways, curve), colour in zip(curves.items(), (COLOURS["blue"], COLOURS["green"])):
            shots = np.arange(1, SHOTS + 1)
            mean = 100 * curve.mean(0)
            sd = 100 * curve.std(0, ddof=1)
            axes.plot(
                shots,
                mean,
                "o-",
                color=colour,
                markersize=4,
                label=f"transfer learning, {ways}-way",
            )
            axes.fill_between(shots, mean - sd, mean + sd, color=colour, alpha=0.2, linewidth=0)
        axes.axhline(100 * maml.mean, color=COLOURS["vermillion"], label="MAML, 5-way, one shot")
        least = max(0, 100 * min(curve.mean(0).min() for curve in curves.values()) - 10)
        axes.set(xlabel="shots a class", xticks=range(1, SHOTS + 1, 2))
        axes.set(ylabel="accuracy on unseen classes (%)", ylim=(least, 101))
        axes.set_title("Shots that a new readout on a pretrained body needs")
        axes.legend(loc="lower right")
    return fig
