"""Beyond the paper: recordings as another camera would have made them, with and without alignment
by the support."""

from ..data.camera.moved import Move
from ..training.baselines import Adapted
from ..plots import COLOURS
from .drawing import drawn, errorbars
from .findings import Findings
from .statistics import Estimate, estimate, some_of
from .study import Study

TITLE = "Other cameras: accuracy against offset, scale and number of events"
DATASET = "double-nmnist"
NETWORKS = {"maml-snn": "one camera", "moved-snn": "another camera for every recording"}
AXES: dict[str, dict[float, Move]] = {
    "right (pixels)": {x: Move((x, 0.0)) for x in (-3.0, -1.5, 0.0, 1.5, 3.0)},
    "down (pixels)": {y: Move((0.0, y)) for y in (-3.0, -1.5, 0.0, 1.5, 3.0)},
    "scale": {s: Move(scale=s) for s in (0.85, 1.0, 1.15)},
    "events (times)": {r: Move(rate=r) for r in (0.5, 1.0, 2.0)},
}
STYLES = {"none": ("o--", "as they lie"), "support": ("o-", "aligned by the support")}


def run(study: Study, found: Findings) -> None:
    rows = []
    episodes = some_of(study.settings.episodes)
    curves = {}
    for model, trained in NETWORKS.items():
        checkpoint = study.network(f"{DATASET}/{model}")
        if checkpoint is None:
            found.missing.append(f"no network meta-trained on {trained}")
            continue
        for align, (_, how) in STYLES.items():
            for axis, moves in AXES.items():
                curve = {
                    at: _accuracy(study, model, checkpoint, move, align, episodes)
                    for at, move in moves.items()
                }
                curves[model, align, axis] = curve
                rows += [[trained, how, axis, at, *e.columns()] for at, e in curve.items()]
            every = [
                e.mean
                for (m, a, _), curve in curves.items()
                if (m, a) == (model, align)
                for e in curve.values()
            ]
            found.summary += (
                f"Trained on {trained}, {how}: {100 * min(every):.1f} to {100 * max(every):.1f} %. "
            )
    found.table(
        "shift",
        "Accuracy on unseen classes in shifted recordings (%)",
        "meta-trained on | tasks | what differs | by | accuracy ± 95 % CI | over episodes",
        rows,
        f"Each by the rule it was meta-trained for; {episodes} episodes each, the same ones; a "
        "fraction of a pixel gives "
        "each event to either neighbour, and more events are the same ones again within a "
        "millisecond. The networks differ "
        "in their rule, too; offsets and scales lie inside what many cameras drew in training (± "
        "3.5 pixels, 0.8 to 1.2).",
    )
    if curves:
        found.figures["shift"] = _figure(curves), "How far a network carries over to other cameras."


def _accuracy(
    study: Study, model: str, checkpoint, move: Move, align: str, episodes: int
) -> Estimate:
    name = "_".join(f"{n:g}" for n in (*move.offset_px, move.scale, move.rate))
    rows = study.rows(
        f"shift-{model}-{align}-{name}",
        DATASET,
        {"adapted": Adapted.of(checkpoint)},
        ways=checkpoint.net.ways,
        move=None if move == Move() else move,
        align=align,
        episodes=episodes,
    )
    return estimate(rows["adapted"])


def _figure(curves: dict):
    with drawn(11.0, 3.2, len(AXES), sharey=True) as (fig, axes):
        for place, axis in zip(axes, AXES):
            for model, colour in zip(NETWORKS, (COLOURS["vermillion"], COLOURS["blue"])):
                for align, (line, how) in STYLES.items():
                    if curve := curves.get((model, align, axis)):
                        errorbars(
                            place,
                            curve,
                            list(curve.values()),
                            colour,
                            line,
                            label=f"{NETWORKS[model]}, {how}",
                            capsize=0,
                        )
            place.set(xlabel=axis)
        axes[0].set(ylabel="accuracy (%)")
        axes[0].legend(fontsize="x-small", loc="lower center")
        fig.suptitle("Shifted recordings: what a network carries over")
    return fig
