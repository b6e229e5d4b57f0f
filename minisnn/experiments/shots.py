"""Beyond the paper: more recordings of each class in the support set, one update on all of them."""

from .drawing import curves_of
from .findings import Findings
from .statistics import difference, estimate, some_of
from .study import Study

TITLE = "K shots: accuracy against the recordings of each class"
SHOTS = (1, 2, 3, 5, 10)


def run(study: Study) -> Findings:
    found = Findings(study.name, TITLE)
    rows = []
    curves = {}
    episodes = some_of(study.settings.episodes)
    for dataset, name, role in study.meta_trained(found):
        keys = {k: f"{k}-shot" if k > 1 else "" for k in SHOTS}
        values = {
            k: study.accuracies(role, dataset, shots=k, key=key, episodes=episodes)
            for k, key in keys.items()
        }
        e = curves[name] = {k: estimate(v) for k, v in values.items()}
        for k, v in values.items():
            rows.append(
                [
                    name,
                    k,
                    e[k].percent(),
                    e[k].over_episodes(),
                    difference(v, values[1]).points() if k > 1 else None,
                ]
            )
        found.summary += (
            f"{name}: {e[1].percent()} % with one, {e[SHOTS[-1]].percent()} % with {SHOTS[-1]} "
            "shots. "
        )
    found.table(
        "shots",
        "Accuracy on unseen classes after one update (%)",
        "data | shots | accuracy ± 95 % CI | over episodes | gain on one shot (points)",
        rows,
        f"{episodes} episodes; the networks were meta-trained for one shot, and the update is the "
        "mean over all shots. "
        "Episodes of other shots draw other recordings of the same classes.",
    )
    if curves:
        figure = curves_of(
            curves, xlabel="recordings of each class (shots)", title="More shots, one update"
        )
        found.figures["shots"] = figure, "One update on more recordings."
    return found
