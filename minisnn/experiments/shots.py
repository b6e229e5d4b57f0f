"""Beyond the paper: more recordings of each class in the support set, one update on all of them."""

from .findings import Findings, Table
from .statistics import difference, estimate, some_of
from .study import Study

TITLE = "K shots: accuracy against the recordings of each class"
SHOTS = (1, 2, 3, 5, 10)


def run(study: Study) -> Findings:
    found, rows, curves = Findings(study.name, TITLE), [], {}
    episodes = some_of(study.settings.episodes)
    for dataset, name, role in study.meta_trained(found):
        values = {
            k: study.accuracies(role, dataset, shots=k, key=f"{k}-shot" if k > 1 else "", episodes=episodes) for k in SHOTS
        }
        curves[name] = {k: estimate(v) for k, v in values.items()}
        for k, v in values.items():
            gain = difference(v, values[1])
            rows.append(
                [name, k, estimate(v).percent(), f"{100 * gain.mean:+.2f} ± {100 * (gain.ci95 or 0):.2f}" if k > 1 else None]
            )
        found.summary += (
            f"{name}: {curves[name][1].percent()} % with one, {curves[name][SHOTS[-1]].percent()} % with {SHOTS[-1]} shots. "
        )
    found.tables.append(
        Table(
            "shots",
            "Accuracy on unseen classes after one update (%)",
            ["data", "shots", "accuracy ± 95 % CI", "gain on one shot (points)"],
            rows,
            f"{episodes} episodes; the networks were meta-trained for one shot, and the update is the mean over all shots. "
            "Episodes of other shots draw other recordings of the same classes.",
        )
    )
    if curves:
        found.figures["shots"] = (
            draw(curves, "recordings of each class (shots)", "More shots, one update"),
            "One update on more recordings.",
        )
    return found


def draw(curves: dict, xlabel: str, title: str):
    """Accuracy with its interval against a number, one line a data set."""
    from ..plots import COLOURS, figure, style

    with style():
        fig = figure(6.0, 3.4)
        axes = fig.subplots()
        for (name, curve), colour in zip(curves.items(), (COLOURS["blue"], COLOURS["vermillion"], COLOURS["green"])):
            axes.errorbar(
                list(curve),
                [100 * e.mean for e in curve.values()],
                yerr=[100 * (e.ci95 or 0) for e in curve.values()],
                fmt="o-",
                color=colour,
                capsize=3,
                label=name,
            )
        measured = sorted({x for curve in curves.values() for x in curve})
        axes.set(xlabel=xlabel, ylabel="accuracy (%)", title=title, xticks=measured)
        axes.legend()
    return fig
