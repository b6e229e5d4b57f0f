"""Experiments that change one number: three figures of the paper, and others that it did not try.

Each has a function that makes the cases of a network: a value, the rule that answers, and its
episodes. `SWEEPS` defines how they are shown.
"""

from collections.abc import Iterable
from dataclasses import replace
from timeit import repeat

import numpy as np

from ..data.camera.variation import Move
from ..meta.inner import InnerLoop
from ..training.baselines import Adapted, Nearest, Row, baselines, learns_by, with_ways
from ..training.checkpoint import Checkpoint
from ..training.progress import RULE_NAMES
from . import figure2
from .figure6 import SHOTS_NEEDED
from .findings import Findings
from .networks import LABELS
from .relearn import RELEARNING
from .onset import STREAM, Met
from .study import TITLES, Settings, Study
from .sweep import BEFORE, Case, Curve, Sweep, of_meta_trained
from .table2 import NEAREST, TABLE, nearest_neighbour
from .updates import TABLE_3_TITLE, THRESHOLDS, table_3

# ---- Figure 3: inner-loop updates


def updates(network: Checkpoint) -> Iterable[Case]:
    for steps in range(5):
        loop = InnerLoop(network.loop.step_size, steps, network.loop.freeze)
        yield Case(steps, Adapted(network.net, network.theta, loop))


def error_of(row: Row) -> Row:
    return replace(row, mean=1 - row.mean)


def seconds(curve: Curve, episodes: int) -> None:
    """Measure the time of an update on five support samples: the least of five runs."""
    network = curve.network
    study = curve.study
    task = study.tasks(curve.dataset).episode(study.settings.seed, 0, network.net.ways, 1, 1)
    step = InnerLoop(network.loop.step_size)
    support = network.theta, task.x_support, task.y_support
    took = min(repeat(lambda: step.adapt(network.net, *support), number=1, repeat=5))
    curve.more = {steps: [f"{steps * took:.3f}"] for steps in curve.rows}


def errors_fall(found: Findings, curves: list[Curve]) -> None:
    for curve in curves:
        [name] = curve.labels
        least = 100 * (1 - 1 / curve.network.net.ways) - 3
        found.claim(
            f"{name}: without an update the network is at chance",
            "error very high at 0 updates",
            curve.estimates[0],
            least,
            rule=f"error above {least:.0f} %",
            unit="%",
        )
        for steps in (1, 2, 3):
            found.claim(
                f"{name}: update {steps} lowers the error",
                "the error falls with every update",
                curve.compared[steps],
                1e-9,
                rule=f"error after {steps - 1} minus after {steps} updates, paired, above 0",
            )


# ---- Figure 4: layers that do not adapt


def frozen(network: Checkpoint) -> Iterable[Case]:
    layers = [block.name for block in network.net.blocks if not block.readout]
    for count in range(len(layers) + 1):
        loop = replace(network.loop, freeze=tuple(layers[:count]))
        names = ", ".join(layers[:count]) or "none"
        yield Case(names, Adapted(network.net, network.theta, loop))


def nothing_is_lost(found: Findings, curves: list[Curve]) -> None:
    for curve in curves:
        for layers, loss in curve.compared.items():
            found.claim(
                f"{curve.labels[0]}: nothing is lost with {layers} frozen",
                "no significant loss",
                loss,
                most=1,
                rule="accuracy of the whole minus that with frozen layers, paired, below 1 point",
            )


# ---- more recordings, more classes, and fewer spikes


def shots(network: Checkpoint) -> Iterable[Case]:
    for count in (1, 2, 3, 5, 10):
        yield Case(count, Adapted.of(network), dict(shots=count))


def ways(study: Study, found: Findings) -> Iterable[Curve]:
    """Compare one update with the nearest class mean of the same features, by number of classes."""
    for dataset, name, network in study.meta_trained(found):
        learned = network.net, network.theta, network.loop
        wide = {count: with_ways(*learned, count) for count in (2, 5, 10, 20)}
        steps = [Case(n, Adapted(*parts), dict(ways=n)) for n, parts in wide.items()]
        means = [Case(n, Nearest(*parts[:2]), dict(ways=n)) for n, parts in wide.items()]
        yield Curve([name, "one update"], study, dataset, steps)
        yield Curve([name, "nearest mean"], study, dataset, means)


def shifted(net, theta: np.ndarray, shift: float) -> np.ndarray:
    """Return theta with `shift` added to every bias but the readout's."""
    theta = theta.copy()
    for part in net.layout:
        if part.part == "bias" and part.layer != "readout":
            theta[part.slice] += shift
    return theta


def biases(network: Checkpoint) -> Iterable[Case]:
    for shift in (-0.4, -0.2, -0.1, 0.0, 0.1, 0.2):
        theta = shifted(network.net, network.theta, shift)
        yield Case(f"{shift:+g}", Adapted(network.net, theta, network.loop))


def activity_of(tasks, settings: Settings, net, theta: np.ndarray, index: int) -> list[float]:
    """Return the activity of each layer on the support set, before learning."""
    task = tasks.episode(settings.seed, index, net.ways, 1, settings.queries)
    return list(net.activity(theta, task.x_support).values())


def activities(curve: Curve, episodes: int) -> None:
    """Measure the mean activity of all layers below the readout, and of each (%)."""
    for case in curve.cases:
        net = case.rule.net
        theta = case.rule.theta
        items = curve.study.items(curve.dataset, activity_of, net, theta, count=episodes)
        rates = 100 * np.mean(items, 0)
        each = " ".join(f"{rate:.2f}" for rate in rates)
        curve.more[case.value] = [f"{rates.mean():.2f}", each]


# ---- other recordings


def places(study: Study, found: Findings) -> Iterable[Curve]:
    """Compare simulated recordings with real ones, if a folder is given."""
    options = {
        "double-nmnist": "--root with N-MNIST",
        "double-asl": "--asl-root with ASL-DVS or photographs of hands",
    }
    simulated = replace(study, settings=replace(study.settings, root=None, asl_root=None))
    for dataset, name in TITLES.items():
        cases = [Case(NEAREST, nearest_neighbour)]
        for method, label in LABELS.items():
            if (network := study.network(f"{dataset}/{method}")) is not None:
                cases.append(Case(label, Adapted.of(network)))
        yield Curve([name, "simulated"], simulated, dataset, cases)
        if study.settings.root_of(dataset) is None:
            found.missing.append(f"{name}, real recordings: give {options[dataset]}")
        else:
            yield Curve([name, "of the folder given"], study, dataset, cases)


CAMERAS = {"maml-snn": "one camera", "moved-snn": "another camera for every recording"}
MOVES: dict[str, dict[float, Move]] = {
    "right (pixels)": {x: Move((x, 0.0)) for x in (-3.0, -1.5, 0.0, 1.5, 3.0)},
    "down (pixels)": {y: Move((0.0, y)) for y in (-3.0, -1.5, 0.0, 1.5, 3.0)},
    "scale": {s: Move(scale=s) for s in (0.85, 1.0, 1.15)},
    "events (times)": {r: Move(rate=r) for r in (0.5, 1.0, 2.0)},
}
ALIGNED = {"none": "not aligned", "support": "aligned by the support"}


def moves(study: Study, found: Findings) -> Iterable[Curve]:
    """Test on recordings by another camera, with and without alignment."""
    for model, trained in CAMERAS.items():
        network = study.network(f"double-nmnist/{model}", found)
        if network is None:
            continue
        for align, how in ALIGNED.items():
            for axis, values in MOVES.items():
                rule = Adapted.of(network)
                cases = [
                    Case(value, rule, dict(move=None if move == Move() else move, align=align))
                    for value, move in values.items()
                ]
                yield Curve([trained, how, axis], study, "double-nmnist", cases)


def onsets(study: Study, found: Findings) -> Iterable[Curve]:
    """Test one update, and the nearest class mean, on queries that begin some milliseconds late."""
    for dataset, name, network in study.meta_trained(found):
        learned = {
            "one update": Adapted.of(network),
            "nearest mean": Nearest(network.net, network.theta),
        }
        for learns, rule in learned.items():
            delays = (-40, -20, -10, -5, 0, 5, 10, 20, 40, STREAM)
            cases = [Case(how, Met(rule, how)) for how in delays]
            yield Curve([name, learns], study, dataset, cases)


# ---- rules of learning on the same features

RULES = {
    **RULE_NAMES,
    "own": "nearest mean",
    "maml": "MAML's step",
    "proto-maml": "Proto-MAML's step",
}
ROLES = {
    "double-nmnist/maml-snn": "Double N-MNIST, by MAML",
    "double-nmnist/moved-snn": "Double N-MNIST, by class means, many cameras",
    "double-asl/maml-snn": "Double ASL-DVS, by MAML",
}


def rules(study: Study, found: Findings) -> Iterable[Curve]:
    """Compare a gradient step with class means of the same and of other features, by classes and
    shots."""
    for role, trained in ROLES.items():
        dataset = role.split("/")[0]
        network = study.network(role, found)
        if network is None:
            continue
        pretrained = study.network(f"{dataset}/pretrained-snn")
        for count, of_each in ((5, 1), (5, 5), (20, 1)):
            wide = network.net, network.theta, network.loop
            if count != network.net.ways:
                wide = with_ways(*wide, count)
            learned = baselines(*wide[:2], study.tasks(dataset), pretrained)
            learned |= {name: learns_by(name, *wide) for name in ("maml", "proto-maml")}
            how = dict(ways=count, shots=of_each)
            cases = [Case(RULES[name], rule, how) for name, rule in learned.items()]
            yield Curve([trained, count, of_each], study, dataset, cases)


def steps_against_means(curves: list[Curve]) -> str:
    """Count how often a step does better than the nearest mean of the same features, and how often
    worse."""
    steps = RULES["maml"], RULES["proto-maml"]
    gains = [curve.compared[name] for curve in curves for name in steps]
    more = sum(gain.low > 0 for gain in gains)
    less = sum(gain.high < 0 for gain in gains)
    return (
        f"In {more} of {len(gains)} cases a gradient step is significantly better than the nearest "
        f"mean of the same features, and in {less} significantly worse."
    )


OTHERS = {"figure-2": (figure2.TITLE, figure2.run), "table-3": (TABLE_3_TITLE, table_3)}
SWEEPS = {
    "table-2": TABLE,
    "figure-5": THRESHOLDS,
    "figure-6": SHOTS_NEEDED,
    "relearn": RELEARNING,
    "figure-3": Sweep(
        title="Figure 3: error against the number of inner-loop updates",
        heading="Error on unseen classes (%)",
        labels="data | updates",
        curves=of_meta_trained(updates),
        against=BEFORE,
        estimate=error_of,
        shown="error",
        last="fall against one update fewer, paired (points) | seconds to adapt",
        note="All updates are on the same five support samples, with the step sizes learned for "
        "one update; seconds on this machine, all threads.",
        some=False,
        more=seconds,
        claims=errors_fall,
        baselines=("test",),
        axes=dict(
            guess=80,
            yscale="log",
            yticks=(1, 2, 5, 10, 20, 50, 80),
            yticklabels=(1, 2, 5, 10, 20, 50, 80),
            xlabel="inner-loop updates",
            ylabel="error on unseen classes (%)",
            title="One update teaches five classes (dotted: a guess)",
        ),
        caption="One update is nearly enough; the network was meta-trained for one.",
    ),
    "figure-4": Sweep(
        title="Figure 4: accuracy with the first conv layers frozen during adaptation",
        heading="Accuracy on unseen classes after one update (%)",
        labels="data | frozen",
        curves=of_meta_trained(frozen),
        against="none",
        loss=True,
        last="loss, paired (points)",
        note="Frozen at meta-test only; the networks were meta-trained with all layers adapting.",
        some=False,
        claims=nothing_is_lost,
        baselines=("test",),
        axes=dict(
            guess=20,
            ylim=(0, 102),
            xlabel="conv layers frozen, from the input on",
            title="Only adapting the readout is nearly as good (dotted: a guess)",
        ),
        caption="Frozen layers during the one update that learns five classes.",
    ),
    "shots": Sweep(
        title="K shots: accuracy against the recordings of each class",
        heading="Accuracy on unseen classes after one update (%)",
        labels="data | shots",
        curves=of_meta_trained(shots),
        against=1,
        last="gain on one shot (points)",
        note="the networks were meta-trained for one shot, and the update is the mean over all "
        "shots. Episodes of other shots draw other recordings of the same classes.",
        axes=dict(xlabel="recordings of each class (shots)", title="More shots, one update"),
        caption="One update on more recordings.",
    ),
    "ways": Sweep(
        title="N ways: accuracy against the number of classes",
        heading="One-shot accuracy on unseen classes (%)",
        labels="data | learns by | classes",
        curves=ways,
        note="the network of 5 ways with a readout whose columns are the mean of the trained ones, "
        "step sizes in proportion to the classes. Among N classes a guess is right once in N "
        "times.",
        axes=dict(
            xlabel="classes of a task (ways)",
            title="One shot, more classes than in meta-training",
        ),
        caption="The 5-way network with more classes.",
    ),
    "activity": Sweep(
        title="Activity against accuracy: conv biases shifted",
        heading="Activity of each layer (%), and accuracy on unseen classes (%)",
        labels="data | bias shift",
        curves=of_meta_trained(biases),
        last="mean activity | of each layer",
        note="biases of the spiking layers below the readout are shifted, nothing is retrained. "
        "Activity is the mean of a layer's output spikes, after pooling, over time and sites.",
        more=activities,
        axes=dict(
            title="Spikes that one-shot learning needs",
            xlabel="shift of all conv biases",
            ylim=(0, 102),
        ),
        caption="The lower the biases, the fewer spikes; the table has the activity.",
    ),
    "recordings": Sweep(
        title="Simulated recordings against real ones",
        heading="5-way 1-shot accuracy on unseen classes (%)",
        labels="data | recordings | method",
        curves=places,
        note="The networks that ship with the package, meta-trained on simulated recordings only.",
        some=False,
    ),
    "shift": Sweep(
        title="Other cameras: accuracy against offset, scale and number of events",
        heading="Accuracy on unseen classes in shifted recordings (%)",
        labels="meta-trained on | tasks | what differs | by",
        curves=moves,
        note="the same ones for each. Events are moved by fractions of a pixel at random, and "
        "additional events repeat others within a millisecond. The networks differ in "
        "their rule, too; offsets and scales are within what many cameras drew in training (± 3.5 "
        "pixels, 0.8 to 1.2).",
        axes=dict(size=(15.0, 4.2), panel=-1),
        caption="How well a network transfers to other cameras.",
    ),
    "rule": Sweep(
        title="Rules of learning: a gradient step against the nearest class mean",
        heading="Rules of learning on the same features and episodes (%)",
        labels="network | classes | shots | learns by",
        curves=rules,
        against=RULES["own"],
        last="less the nearest mean, paired (points)",
        note="for more classes than in meta-training the readout's columns are the mean of the "
        "trained ones. A step that does not beat the nearest mean of the same features has "
        "learned features, and not how to learn from them.",
        summary=steps_against_means,
    ),
    "onset": Sweep(
        title="Onset: recordings that start earlier or later than the network assumes, and a "
        "stream without pauses",
        heading="Accuracy on unseen classes where query recordings begin at another time (%)",
        labels="data | learns by | begins later by (ms)",
        curves=onsets,
        against=0,
        loss=True,
        last="loss, paired (points)",
        note="support recordings are as in meta-training. Events that a delay moves out of the "
        "100 ms are lost. In a stream, each recording of support and query follows one of another "
        "class, without a reset in between.",
        axes=dict(
            xlabel="recording begins later by (ms)",
            title="A network that waits for a start",
        ),
        caption="Accuracy against the time at which a query recording begins.",
    ),
}
