"""Beyond the paper: rules of learning on the same episodes, by number of classes and of recordings
of each.

A nearest class mean learns nothing but the means. A rule of gradient steps that does not beat it on
the same features has learned features, and not how to learn from them: the last column says by how
much it does.
"""

from ..training.baselines import Rule, baselines, learns_by
from ..training.progress import RULE_NAMES
from .findings import Findings
from .statistics import difference, estimate, some_of
from .study import Study
from .ways import with_ways

TITLE = "Rules of learning: a gradient step against the nearest class mean"
SIZES = ((5, 1), (5, 5), (20, 1))  # classes, recordings of each
ROLES = {
    "double-nmnist/maml-snn": "Double N-MNIST, by MAML",
    "double-nmnist/moved-snn": "Double N-MNIST, by class means, many cameras",
    "double-asl/maml-snn": "Double ASL-DVS, by MAML",
}
NAMES = {
    **RULE_NAMES,
    "own": "nearest mean",
    "maml": "MAML's step",
    "proto-maml": "Proto-MAML's step",
}


def run(study: Study, found: Findings) -> None:
    rows = []
    episodes = some_of(study.settings.episodes)
    verdicts: dict[str, list[str]] = {"more": [], "less": [], "": []}
    for role, trained in ROLES.items():
        if study.network(role) is None:
            found.missing.append(f"no network meta-trained on {trained}")
            continue
        for ways, shots in SIZES:
            values = _rows(study, role, ways, shots, episodes)
            for name, row in values.items():
                gain = None if name == "own" else difference(row, values["own"])
                cells = [*estimate(row).columns(), gain and gain.points()]
                rows.append([trained, ways, shots, NAMES.get(name, name), *cells])
                if name in ("maml", "proto-maml") and gain is not None and gain.ci95 is not None:
                    apart = "more" if gain.low > 0 else "less" if gain.high < 0 else ""
                    verdicts[apart].append(f"{NAMES[name]} on {trained}, {ways}-way {shots}-shot")
    found.summary = _verdict(verdicts)
    found.table(
        "rules",
        "Rules of learning on the same features and episodes (%)",
        "network | classes | shots | learns by | accuracy ± 95 % CI | over episodes | less the "
        "nearest mean, paired (points)",
        rows,
        f"{episodes} episodes; for more classes than in meta-training the readout's columns are "
        "the mean of the trained ones.",
    )


def _verdict(verdicts: dict[str, list[str]]) -> str:
    """Where a step has more than the nearest mean of the same features, where less, and in how many
    cases neither."""
    cases = sum(map(len, verdicts.values()))
    if not cases:
        return ""
    told = [
        f"{word} in {len(some) or 'none'}" + f" ({'; '.join(some)})" * bool(some)
        for word, some in verdicts.items()
        if word
    ]
    return (
        f"Of {cases} cases a gradient step has, against the nearest mean of the same features, "
        f"{' and '.join(told)}; in the other {len(verdicts[''])} there is no significant "
        "difference."
    )


def _rows(study: Study, role: str, ways: int, shots: int, episodes: int) -> dict:
    dataset = role.split("/")[0]
    found = study.network(role)
    net, theta, inner = found.net, found.theta, found.loop
    if ways != net.ways:
        net, theta, inner = with_ways(net, theta, inner, ways)
    rules: dict[str, Rule] = {
        name: learns_by(name, net, theta, inner) for name in ("maml", "proto-maml")
    }
    floor = baselines(net, theta, study.tasks(dataset), study.network(f"{dataset}/pretrained-snn"))
    return study.rows(
        f"{role.replace('/', '-')}-rules-{ways}-{shots}",
        dataset,
        floor | rules,
        ways=ways,
        shots=shots,
        episodes=episodes,
    )
