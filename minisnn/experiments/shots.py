"""Beyond the paper: more recordings of each class in the support set, one update on all of them."""

from .drawing import curves_of
from .findings import Findings
from .statistics import difference, estimate, some_of
from .study import Study

TITLE = "K shots: accuracy against the recordings of each class"
SHOTS = (1, 2, 3, 5, 10)


def run(study: Study, found: Findings) -> None:
    rows = []
    curves = {}
    episodes = some_of(study.settings.episodes)
    for dataset, name, role in study.meta_trained(found):
        values = {
            k: study.accuracies(
                role, dataset, shots=k, key=f"{k}-shot" if k > 1 else "", episodes=episodes
            )
            for k in SHOTS
        }
        e = curves[name] = {k: estimate(v) for k, v in values.items()}
        for k, v in values.items():
            gain = difference(v, values[1]).points() if k > 1 else None
            rows.append([name, k, *e[k].columns(), gain])
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
        found.figures["shots"] = (
            curves_of(
                curves, xlabel="recordings of each class (shots)", title="More shots, one update"
            ),
            "One update on more recordings.",
        )
