"""Figure 4: how little of the network has to learn at meta-test: the first conv layers frozen, none
to all three."""

from dataclasses import replace
from functools import partial

from .baselines import add_baselines
from .drawing import TWO, chance, drawn, percents
from .findings import Findings
from .statistics import Estimate, difference, estimate
from .study import Study

TITLE = "Figure 4: accuracy with the first conv layers frozen during adaptation"


def run(study: Study, found: Findings) -> None:
    rows = []
    bars = {}
    for dataset, name, role in study.meta_trained(found):
        layers = [block.name for block in study.network(role).net.blocks if not block.readout]
        frozen = [tuple(layers[:k]) for k in range(len(layers) + 1)]
        accuracies = [
            study.accuracies(
                role,
                dataset,
                inner=partial(replace, freeze=freeze),
                key=f"{k}-frozen" if k else "",
            )
            for k, freeze in enumerate(frozen)
        ]
        e = bars[name] = [estimate(a) for a in accuracies]
        losses = [difference(accuracies[0], a) for a in accuracies]
        asked = "accuracy of the whole minus that with frozen layers, paired, below 1 point"
        for k, loss in enumerate(losses):
            which = ", ".join(frozen[k])
            rows.append([name, which or "none", *e[k].columns(), loss.points() if k else None])
            if k:
                found.claim(
                    f"{name}: nothing is lost with {which} frozen",
                    "no significant loss",
                    loss,
                    most=1,
                    rule=asked,
                )
        found.summary += (
            f"{name}: {e[0].percent()} % when all layers learn, {e[-1].percent()} % when only the "
            "readout does. "
        )
    found.table(
        "figure-4",
        "Accuracy on unseen classes after one update (%)",
        "data | frozen | accuracy ± 95 % CI | over episodes | loss, paired (points)",
        rows,
        "Frozen at meta-test only; the networks were meta-trained with all layers adapting.",
    )
    add_baselines(study, found)
    if bars:
        found.figures["figure-4"] = (
            _draw(bars),
            "Frozen layers during the one update that learns five classes.",
        )


def _draw(bars: dict[str, list[Estimate]]):
    with drawn(6.4, 3.6) as (fig, (axes,)):
        for shift, (name, estimates), colour in zip((-0.2, 0.2), bars.items(), TWO):
            means, halves = percents(estimates)
            places = [k + shift for k in range(len(estimates))]
            axes.bar(places, means, 0.38, yerr=halves, color=colour, capsize=3, label=name)
        chance(axes, 20)
        axes.set(
            xlabel="conv layers frozen, from the input on",
            xticks=range(max(map(len, bars.values()))),
            ylim=(0, 118),
        )
        axes.set(ylabel="accuracy on unseen classes (%)", yticks=range(0, 101, 20))
        axes.set_title("The readout alone learns nearly as well")
        axes.legend(loc="upper center", ncols=2)
    return fig
