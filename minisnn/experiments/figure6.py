"""Figure 6: transfer learning beside meta-learning: the shots that a network needs which was pretrained without it.

The body classifies the 64 meta-training classes. A new readout, from zero, is trained on test classes by Adam at 1e-3, one
shot a class more at a time (UPDATES full-batch updates on all shots so far), and tested on 20 unseen samples of each class.
"""

from functools import partial

import numpy as np

from ..training.evaluation import accuracy
from ..meta.optim import Adam
from .findings import Findings, Table
from .readout import Readout, spikes_of
from .statistics import Estimate, ci95, estimate, judge
from .study import Study

TITLE = "Figure 6: shots that transfer learning needs to reach MAML's one-shot accuracy"
TRIALS, SHOTS, QUERIES, UPDATES, LR = 10, 15, 20, 30, 1e-3
ROLE, MAML = "double-nmnist/pretrained-snn", "double-nmnist/maml-snn"


def _trial(tasks, net, body: np.ndarray, seed: int, ways: int, sizes: tuple[int, int, int], trial: int) -> list[float]:
    """Accuracy after 1, 2, … shots; `body` is the pretrained theta, sizes are shots, queries and updates a shot."""
    shots, queries, updates = sizes
    task, readout = tasks.episode(seed, trial, ways, shots, queries), Readout(net, ways)
    by_shot = np.argsort(np.arange(len(task.y_support)) % shots, kind="stable")  # support samples are sorted by class
    support, query = (readout.traces(spikes_of(net, body, x)) for x in (task.x_support[by_shot], task.x_query))
    y = task.y_support[by_shot]
    theta, adam = np.zeros(readout.size, readout.dtype), Adam(readout.size, dtype=readout.dtype)
    accuracies = []
    for known in range(ways, len(y) + 1, ways):
        for _ in range(updates):
            theta = adam.step(theta, readout.loss_and_gradient(theta, support[:known], y[:known])[1], LR)
        accuracies.append(accuracy(readout.logits(theta, query), task.y_query))
    return accuracies


def run(study: Study) -> Findings:
    found = Findings(study.name, TITLE)
    if study.network(ROLE) is None or study.network(MAML) is None:
        found.missing.append("needs a network pretrained on classification and one meta-trained by MAML")
        return found
    net, theta, sizes = study.network(ROLE).net, study.network(ROLE).theta, (SHOTS, QUERIES, UPDATES)
    tasks, seed = study.tasks("double-nmnist"), study.settings.seed + 1000
    curves = {
        ways: np.array(
            study.each(
                f"transfer-{ways}-way",
                "double-nmnist",
                TRIALS,
                partial(_trial, tasks, net, theta, seed, ways, sizes),
                (net.configuration(), theta, *sizes, LR),
                f"transfer learning, {ways}-way",
            )
        )
        for ways in (5, 20)
    }
    maml = estimate(study.accuracies(MAML, "double-nmnist"))
    rows, reached = [], {}
    for ways, curve in curves.items():
        for shots in range(1, SHOTS + 1):
            e = estimate(curve[:, shots - 1])
            rows.append([ways, shots, e.percent(), f"{100 * curve[:, shots - 1].std(ddof=1):.1f}"])
        reached[ways] = _shots_needed(curve, maml.mean)
        below = int((curve.max(1) < maml.mean).sum())
        found.claims.append(
            judge(
                f"transfer learning ({ways}-way) needs about ten shots to reach MAML's one-shot accuracy",
                "9-10 shots",
                reached[ways],
                5,
                20,
                unit="shots",
                scale=1,
                rule=f"first number of shots that reaches {100 * maml.mean:.1f} %, mean over {TRIALS} trials, from 5 to 20"
                + (f"; {below} trials never did, counted as {SHOTS + 1}" if below else ""),
            )
        )
    gap = maml.mean - estimate(curves[5][:, 0]).mean
    margin = ((maml.ci95 or 0) ** 2 + (ci95(curves[5][:, 0]) or 0) ** 2) ** 0.5
    found.claims.append(
        judge(
            "one shot teaches more after meta-training than after pretraining (5-way)",
            "MAML learns in one shot",
            Estimate(gap, margin, None, TRIALS),
            5,
            rule="MAML minus transfer at one shot above 5 points",
        )
    )
    found.tables.append(
        Table(
            "figure-6",
            "Accuracy of a new readout on a pretrained body (%)",
            ["ways", "shots", "accuracy ± 95 % CI", "SD over trials"],
            rows,
            f"{TRIALS} trials, {QUERIES} unseen samples a class; MAML, 5-way, one shot, one update: {maml.percent()} %.",
        )
    )
    found.figures["figure-6"] = (
        _draw(curves, maml),
        "A new readout on a pretrained body, against MAML's one shot and one update.",
    )
    found.summary = (
        f"MAML reaches {maml.percent()} % with one shot (5-way). Transfer learning has {estimate(curves[5][:, 0]).percent()} % "
        f"after one and {estimate(curves[5][:, -1]).percent()} % after {SHOTS} shots (20-way: "
        f"{estimate(curves[20][:, 0]).percent()} % and {estimate(curves[20][:, -1]).percent()} %)."
    )
    return found


def _shots_needed(curve: np.ndarray, target: float) -> Estimate:
    """First number of shots at which a trial reaches the target; SHOTS + 1 where none does."""
    good = curve >= target
    return estimate(np.where(good.any(1), good.argmax(1) + 1, SHOTS + 1))


def _draw(curves: dict[int, np.ndarray], maml: Estimate):
    from ..plots import COLOURS, figure, style

    with style():
        fig = figure(6.4, 3.8)
        axes = fig.subplots()
        for (ways, curve), colour in zip(curves.items(), (COLOURS["blue"], COLOURS["green"])):
            shots, mean, sd = np.arange(1, SHOTS + 1), 100 * curve.mean(0), 100 * curve.std(0, ddof=1)
            axes.plot(shots, mean, "o-", color=colour, markersize=4, label=f"transfer learning, {ways}-way")
            axes.fill_between(shots, mean - sd, mean + sd, color=colour, alpha=0.2, linewidth=0)
        axes.axhline(100 * maml.mean, color=COLOURS["vermillion"], label="MAML, 5-way, one shot")
        axes.set(
            xlabel="shots a class",
            ylabel="accuracy on unseen classes (%)",
            ylim=(max(0, 100 * min(curve.mean(0).min() for curve in curves.values()) - 10), 101),
            xticks=range(1, SHOTS + 1, 2),
            title="Shots that a new readout on a pretrained body needs",
        )
        axes.legend(loc="lower right")
    return fig
