"""Beyond the paper: rules of meta-training, each from random weights and over several training
seeds.

An interval over episodes says how well one network is known. Another seed gives other weights and
other tasks, hence another network, and which rule is the better one is a question of networks: a
rule's accuracy is the mean over seeds, with Student's t. Two rules are compared by the differences
within each seed, by the wider of two intervals: Student's t over training seeds, and that of the
episodes. Small networks (Table 1 at half its width) and the same number of tasks for all; class
means and Proto-MAML learn from tasks of twenty classes, as `minisnn train` does.
"""

from dataclasses import replace

from minisnn.training.baselines import Adapted, Row, Rule, baselines
from minisnn.training.progress import RULE_NAMES
from minisnn.training.intervals import Estimate, of_trials
from minisnn.training.presets import chosen
from minisnn.experiments.findings import Findings
from minisnn.experiments.sweep import some_of
from minisnn.experiments.study import Study
from trained import trained

TITLE = "Rules of meta-training, over training seeds"
DATASET, TASKS, SEEDS = "double-nmnist", 1500, (0, 1, 2)
BEST = "own"  # of the features of every rule: their nearest class mean
_MEANS: dict = dict(
    rule="prototypes", learn_step_size="no", train_ways=20, train_queries=2, lr=3e-3
)
TRAINED_BY: dict[str, dict] = {
    "MAML": {},
    "FOMAML": dict(order=1, step_size=1.0),
    "class means": dict(_MEANS, preset="maml"),
    "Proto-MAML, after class means": dict(preset="quick"),
    "ANIL": dict(rule="anil"),
    "Reptile, 5 steps": dict(rule="reptile", inner_steps=5, learn_step_size="no"),
}
_SMALL: dict = dict(updates=TASKS, evaluate_every=0, test_episodes=0)


def run(study: Study, found: Findings) -> None:
    episodes = some_of(study.settings.episodes)
    values = {name: [_rows(study, name, seed, episodes) for seed in SEEDS] for name in TRAINED_BY}
    steps = {name: [rows["adapted"] for rows in of] for name, of in values.items()}
    nearest = {name: [rows[BEST] for rows in of] for name, of in values.items()}
    apart = {name: less(of, steps["MAML"]) for name, of in steps.items() if name != "MAML"}
    rows = []
    for name, of in steps.items():
        own, means = (of_trials(_means(each)) for each in (of, nearest[name]))
        told = " ".join(f"{100 * mean:.1f}" for mean in _means(of))
        cells = [own.percent(), told, widest(of), means.percent()]
        rows.append([name, *cells, apart[name].points() if name in apart else None])
    for name in ("frames", "random"):
        floor = values["MAML"][0][name]
        cells = [floor.percent(), None, widest([floor])]
        rows.append([RULE_NAMES[name], *cells, None, None])
    found.table(
        "seeds",
        f"Accuracy on unseen classes after {TASKS:,} tasks from random weights (%)",
        "meta-trained by | accuracy ± 95 % over seeds | seeds | over new recordings, the widest | "
        "nearest mean of its features | less MAML, by seed (points)",
        rows,
        f"{len(SEEDS)} training seeds, the same {episodes} test episodes; intervals over seeds by "
        "Student's t, the last column by the wider of that and the one over new recordings. No "
        "seed changes the last two rows: their interval is over new recordings. Settings of each "
        "rule as minisnn train has them, not tuned again.",
    )


def less(one: list[Row], other: list[Row]) -> Estimate:
    """The mean difference over seeds on the same episodes, by the wider of its two intervals."""
    pairs = [a.less(b) for a, b in zip(one, other, strict=True)]
    apart = of_trials([pair.mean for pair in pairs])
    half = max(pair.half for pair in pairs)
    return apart if apart.half >= half else replace(apart, ci95=half)


def widest(rows: list[Row]) -> str:
    """Half the widest interval of a single seed, as the tables show it: ± 0.8."""
    return f"± {100 * max(row.half for row in rows):.1f}"


def _means(rows: list[Row]) -> list[float]:
    return [row.mean for row in rows]


def _rows(study: Study, name: str, seed: int, episodes: int) -> dict:
    changes = dict(TRAINED_BY[name])
    config = replace(chosen(changes.pop("preset", "maml"), {**_SMALL, **changes}), seed=seed)
    made = trained(study, f"{name}-{seed}", DATASET, config)
    rules: dict[str, Rule] = {"adapted": Adapted(made.net, made.theta, made.inner)}
    rules |= baselines(made.net, made.theta, study.tasks(DATASET))
    return study.rows(f"seeds-{name}-{seed}", DATASET, rules, ways=made.net.ways, episodes=episodes)
