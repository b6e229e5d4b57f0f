"""Beyond the paper: a device in use meets its classes one by one, each in one recording, and is
tested on all that it met.

The body no longer changes; a readout grows by one row per class. With p the features of the new class's
recording (the readout's trace at the last step), s the scale of the network's class means and a the
step,

    nearest class mean   W_k = 2 s p, b_k = -s |p|^2: nothing else is touched, so nothing is
                         forgotten
    online               the same row, then a gradient step of all rows met so far from this one
                         recording
    online, gated        the same with Eq. 6 at 5 % of the range of updates
    online, from zero    only the step: the new row starts at zero
    8 bits               rows of 8-bit words, updates rounded stochastically, p with 7 fraction bits
                         as on Loihi
    all at once          class means of all classes met, then a step from all their recordings,
                         which must be kept

and whatever is none of the classes met so far is to be refused by its best score, -s |p - c_k|^2 or
its like.
"""

from functools import partial

import numpy as np

from minisnn.core.loss import softmax
from minisnn.training.baselines import Answers, drawn_by, rows_of
from minisnn.experiments.findings import Findings
from minisnn.experiments.sweep import some_of
from minisnn.training.intervals import of_values
from minisnn.experiments.study import Study

TITLE = "Classes one by one: accuracy over all met so far, without their recordings"
DATASET, ROLES = "double-nmnist", ("double-nmnist/cuba-snn", "double-nmnist/maml-snn")
MOST, FIRST, STEP, GATE = 20, 5, 0.1, 0.05
BITS, TRACE = 8, 7
WHAT = (
    f"Online: a row that starts at the class mean, then a gradient step of {STEP:g} of all rows "
    "met so far, from the new "
    f"recording alone; gated: Eq. 6 at {GATE:.0%}; all at once: the same from all recordings met "
    "so far, which it keeps; from "
    "zero: a row that starts at zero and the step alone, of size 1. That is not the rule online "
    "that a network is meta-trained "
    "for, which has all its rows from the start and takes other steps."
)
READOUT_RULES = {  # name -> how the readout learns
    "nearest class mean": dict(step=0.0),
    "nearest class mean, 8 bits": dict(step=0.0, bits=True),
    "online": dict(step=STEP),
    "online, gated": dict(step=STEP, gate=GATE),
    "online, from zero": dict(step=1.0, mean=False),
    "online, 8 bits": dict(step=STEP, bits=True),
    "all at once": dict(step=STEP, kept=True),
}


class Grown:
    """A readout that grows: weight (classes, features), bias (classes,), and how many numbers its
    updates changed.

    step    of the gradient
    mean    whether a new row starts at its class mean, else at zero
    gate    fraction of Eq. 6          kept   learn again from all recordings met so far
    bits    8-bit words; `rng` of their rounding
    """

    def __init__(
        self,
        features: int,
        scale: float,
        step: float,
        mean=True,
        gate=0.0,
        kept=False,
        bits=False,
        seed=0,
    ):
        self.weight = np.zeros((0, features))
        self.bias = np.zeros(0)
        self.scale, self.step, self.mean, self.gate, self.kept, self.bits = (
            scale,
            step,
            mean,
            gate,
            kept,
            bits,
        )
        self.rng = np.random.default_rng(seed)
        self.written = 0
        self.seen = np.zeros((0, features))

    def seen_as(self, p: np.ndarray) -> np.ndarray:
        """Features as the readout's words hold them."""
        return np.floor(p * 2**TRACE + 0.5) / 2**TRACE if self.bits else p

    def meet(self, p: np.ndarray) -> None:
        """A new class, of features p (features,)."""
        p = self.seen_as(p)
        self.seen = np.concatenate([self.seen, p[None]])
        rows = self.seen if self.kept else p[None]
        weight = 2 * self.scale * rows * self.mean
        bias = -self.scale * (rows**2).sum(1) * self.mean
        old = np.zeros(0) if self.kept else self.bias
        self.weight = np.concatenate([self.weight[: len(old)], self._word(weight)])
        self.bias = np.concatenate([old, bias])
        self.written += rows.size + len(rows)
        if self.step:
            self._learn(rows, np.arange(len(self.bias) - len(rows), len(self.bias)))

    def _learn(self, p: np.ndarray, y: np.ndarray) -> None:
        e = (softmax(p @ self.weight.T + self.bias) - np.eye(len(self.bias))[y]) / len(y)
        for name, change in (("weight", self.step * e.T @ p), ("bias", self.step * e.sum(0))):
            size = np.abs(change)
            change = (
                np.where(size > self.gate * (size.max() - size.min()), change, 0)
                if self.gate
                else change
            )
            old = getattr(self, name)
            new = self._word(old - change) if name == "weight" else old - change
            self.written += int((new != old).sum())
            setattr(self, name, new)

    def _word(self, weight: np.ndarray) -> np.ndarray:
        if not self.bits:
            return weight
        unit = 2 * self.scale / 2 ** (BITS - 1)  # traces reach 1, so words end at 2 s
        whole = np.floor(weight / unit + self.rng.random(weight.shape))
        return np.clip(whole, -(2 ** (BITS - 1)), 2 ** (BITS - 1) - 1) * unit

    def scores(self, p: np.ndarray) -> np.ndarray:
        """(samples, classes) logits, less scale |p|^2 as of distances."""
        p = self.seen_as(p)
        return p @ self.weight.T + self.bias - self.scale * (p**2).sum(1, keepdims=True)


def area(inside: np.ndarray, outside: np.ndarray) -> float:
    """Area under the ROC of separating them by size: how often one inside is larger than one
    outside."""
    ranks = np.searchsorted(np.sort(outside), inside, "left") + np.searchsorted(
        np.sort(outside), inside, "right"
    )
    return float(ranks.mean() / (2 * len(outside)))


def run(study: Study, found: Findings) -> None:
    role = next((role for role in ROLES if study.network(role) is not None), None)
    if role is None:
        found.missing.append(f"no network for {' or '.join(ROLES)}")
        return
    trained = study.network(role)
    tasks = study.tasks(DATASET)
    episodes = some_of(study.settings.episodes)
    number = min(MOST, len(tasks.classes))
    first = min(FIRST, number)
    scale = getattr(trained.inner, "scale", 0.1)
    one = partial(_episode, tasks, study.settings, trained.net, trained.theta, scale, number)
    items = study.each("classes", episodes, one)
    values = np.array([curves for curves, _, _ in items])  # (episodes, rules, classes met, what)
    fewest, most = (rows_of(list(READOUT_RULES), [item[n] for item in items]) for n in (1, 2))
    curves, rows = {}, []
    for n, name in enumerate(READOUT_RULES):
        right = values[:, n, :, 0]
        curves[name] = {m: of_values(right[:, m - 1]) for m in range(first, number + 1)}
        kept = "all recordings" if "kept" in READOUT_RULES[name] else "none"
        shown = [words for of in (fewest, most) for words in of[name].columns()]
        apart = most[name].less(most["all at once"]).points()
        written = values[:, n, -1, 1].mean() / number
        roc = of_values(values[:, n, number // 2 - 1, 2])
        rows.append([name, *shown, apart, round(written), kept, f"{roc.mean:.3f}"])
    header = (
        f"rule | {first} classes (%) | over episodes | {number} classes (%) | over episodes"
        " | less all at once, paired (points) | written a class | kept | ROC area"
    )
    features = int(np.prod(trained.net.blocks[-1].input_shape))
    found.table(
        "classes",
        "Accuracy over all classes met",
        header,
        rows,
        f"{episodes} orders of {number} unseen classes, one recording each, "
        f"{study.settings.queries} queries per class, by "
        f"{role}, ± over the orders. {WHAT} A class takes {features + 1} numbers of memory. ROC: "
        "told from the other half, "
        f"{number // 2} classes met.",
    )
    at_end = {name: curve[number].percent() for name, curve in curves.items()}
    found.summary = (
        f"{number} classes one by one: {at_end['nearest class mean']} % by class means, "
        f"{at_end['online']} with a "
        f"step each, {at_end['all at once']} from all recordings at once; from zero "
        f"{at_end['online, from zero']}. "
    )


def _episode(tasks, settings, net, theta, scale, number, index) -> list:
    """[[accuracy, numbers written, ROC area] after every class, of every rule], and their answers
    after FIRST and all."""
    task = tasks.episode(settings.seed, index, number, 1, settings.queries)
    order = np.argsort(task.y_support, kind="stable")
    support = net.features(theta, task.x_support)[order].astype(np.float64)
    query = net.features(theta, task.x_query).astype(np.float64)
    y = task.y_query
    found = []
    moments: dict[int, list[np.ndarray]] = {min(FIRST, number): [], number: []}
    for how in READOUT_RULES.values():
        readout = Grown(support.shape[1], scale, seed=index, **how)
        curve = []
        for m, p in enumerate(support, 1):
            readout.meet(p)
            scores = readout.scores(query)
            met = y < m
            roc = area(scores[met].max(1), scores[~met].max(1)) if m < number else 1.0
            right = scores[met].argmax(1) == y[met]
            curve.append([float(right.mean()), readout.written, roc])
            if m in moments:
                moments[m].append(right)
        found.append(curve)
    told = [Answers(np.array(right), drawn_by(task, y < m)) for m, right in moments.items()]
    return [found, told[0], told[-1]]
