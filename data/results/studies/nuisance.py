"""Beyond the paper: when is a gradient step worth it?

Class means answer from features that are the same in every task; a gradient step changes the
network for the task. So a step may pay where something is new in each task and alike in its
support and its query: a nuisance (`nuisances`). Small networks meta-train from random weights by
class means, on tasks with the nuisance that they are tested with. From there each rule goes on
alone, by as many tasks as the others: class means, Proto-MAML, MAML by one and by five steps,
FOMAML and implicit MAML. All answer the same test episodes, seed by seed. Other sizes of tasks
stand beside: more classes, more recordings of each.

What a rule is worth is its accuracy less that of class means, the best rule without a step, by the
wider of two intervals: Student's t over training seeds, and that of the episodes.
"""

from dataclasses import dataclass, replace


from minisnn.meta.implicit import NegativeCurvature
from minisnn.training.baselines import Adapted, Row, Rule, baselines
from minisnn.training.presets import chosen
from minisnn.experiments.findings import Findings
from nuisances import NUISANCES, __name__ as SETS
from seeds import less, widest
from minisnn.experiments.sweep import some_of
from minisnn.training.intervals import Estimate, of_trials
from minisnn.experiments.study import Study
from trained import trained

TITLE = "When is a gradient step worth it? Rules of learning, by what is new in each task"
WORTH = "What a gradient step gains over class means (points)"
SEEDS = (0, 1, 2)
FIRST, LATER = 500, 150  # tasks by class means, then by each rule
QUERIES = 25  # of a task that a rule of steps learns from, whatever its classes
MEANS = "class means"  # the rule that others are compared with
# few steps: a layer passes a spike on within one, where LIF's traces take two
_SMALL: dict = dict(
    channels=(16, 32, 64),
    neuron="cuba",
    window=12,
    alpha=0.8,
    beta=0.5,
    evaluate_every=0,
    test_episodes=0,
)
_MEANS: dict = dict(rule="prototypes", learn_step_size="no", train_ways=20, train_queries=2)
BEGUN_BY: dict = dict(**_MEANS, lr=3e-3)
_STEPS: dict = dict(lr=5e-4, zero_readout=True)
# step sizes of one seed's validation without a nuisance; all but iMAML's are learned from there
TRAINED_BY: dict[str, dict] = {
    MEANS: dict(**_MEANS, lr=1e-3),
    "Proto-MAML": dict(rule="proto-maml", step_size=0.2, lr=5e-4),
    "MAML, 1 step": dict(**_STEPS, step_size=2.0),
    "MAML, 5 steps": dict(**_STEPS, step_size=0.2, inner_steps=5),
    "FOMAML": dict(**_STEPS, step_size=0.5, order=1),
    "iMAML, 5 steps": dict(
        **_STEPS,
        rule="imaml",
        step_size=0.05,
        inner_steps=5,
        proximal=20.0,
        learn_step_size="no",
    ),
}
# it takes as long as all others together
ONLY_ON = {"iMAML, 5 steps": ("none", "turned", "mirrored")}


@dataclass(frozen=True)
class Case:
    """A kind of tasks: their nuisance, classes, and recordings of each class."""

    nuisance: str
    ways: int = 5
    shots: int = 1

    @property
    def name(self) -> str:
        size = "" if (self.ways, self.shots) == (5, 1) else f", {self.ways}-way {self.shots}-shot"
        return f"{self.nuisance}{size}"


CASES = (
    *(Case(name) for name in NUISANCES),
    Case("none", ways=10),
    Case("none", ways=20),
    Case("none", shots=5),
    Case("rewired", shots=5),
)


def run(study: Study, found: Findings) -> None:
    episodes = some_of(study.settings.episodes)
    values = {case: _rows(study, case, episodes, found) for case in CASES}
    rows, worth = [], {}
    for case, of in values.items():
        means = [one[MEANS] for one in of]
        for name in [name for name in of[0] if all(name in one for one in of)]:
            each = [one[name] for one in of]
            gain = None
            if name in TRAINED_BY and name != MEANS:
                gain = worth[case, name] = less(each, means)
            own, told = each[0], None  # no seed changes a baseline
            if name in TRAINED_BY:
                own = of_trials([row.mean for row in each])
                told = " ".join(f"{100 * row.mean:.1f}" for row in each)
            cells = [own.percent(), told, widest(each), gain and gain.points()]
            rows.append([case.name, name, *cells])
    found.table(
        "nuisance",
        f"Accuracy on unseen characters after {FIRST:,} tasks by class means from random weights, "
        f"then {LATER:,} by each rule (%)",
        "new in each task | learns by | accuracy ± 95 % over seeds | seeds | over new recordings, "
        "the widest | less class means (points)",
        rows,
        f"{len(SEEDS)} training seeds, the same {episodes} test episodes; settings of each rule from "
        "validation without a nuisance, by one seed. The last column by the wider of both "
        "intervals. No seed changes random and frames: their interval is over new recordings.",
    )
    names = list(dict.fromkeys(name for _, name in worth))
    found.table(
        "worth",
        WORTH,
        f"new in each task | {' | '.join(names)}",
        [[case.name, *(_starred(worth.get((case, name))) for name in names)] for case in CASES],
        "*: the interval excludes zero; of so many pairs some do by chance. "
        "iMAML was trained for three cases only, because it takes longest.",
    )


def _rows(study: Study, case: Case, episodes: int, found: Findings) -> list[dict[str, Row]]:
    """Answers of every rule, by training seed; the last two rows are baselines. A rule that
    could not be trained, or is not meant for this case, is missing."""
    dataset = f"{SETS}:{case.nuisance}"
    size = dict(ways=case.ways, shots=case.shots)
    answered = []
    for seed in SEEDS:
        few = dict(ways=case.ways, updates=FIRST)
        small = replace(chosen("maml", {**_SMALL, **BEGUN_BY, **few}), seed=seed)
        begun = trained(study, f"{case.nuisance}-{case.ways}-{seed}", dataset, small)
        queries = max(QUERIES // case.ways, 1)
        more = dict(start=str(begun.out), updates=LATER, queries=queries, **size)
        rules: dict[str, Rule] = {}
        for name, changes in TRAINED_BY.items():
            if case.name not in ONLY_ON.get(name, (case.name,)):
                continue
            config = replace(chosen("maml", {**_SMALL, **more, **changes}), seed=seed)
            label = f"{case.name}-{name}-{seed}"
            try:
                made = trained(study, label, dataset, config)
            except NegativeCurvature as met:
                found.missing.append(f"{name} on {case.name}, seed {seed}: {met}")
                continue
            rules[name] = Adapted(made.net, made.theta, made.inner)
        net, theta = rules[MEANS].net, rules[MEANS].theta
        floor = baselines(net, theta, study.tasks(dataset))
        rules |= {name: floor[name] for name in ("random", "frames")}
        key = f"nuisance-{case.name}-{seed}".replace(", ", "-").replace(" ", "-")
        answered.append(study.rows(key, dataset, rules, episodes=episodes, **size))
    return answered


def _starred(gain: Estimate | None) -> str | None:
    """Gain of a rule, with a star where the interval excludes zero."""
    return gain and gain.points() + "*" * (gain.low > 0 or gain.high < 0)
