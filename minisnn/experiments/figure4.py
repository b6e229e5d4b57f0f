"""Figure 4: how little of the network has to learn at meta-test: the first conv layers frozen, none to all three."""

from dataclasses import replace

from .findings import Findings, Table
from .statistics import difference, estimate, judge
from .study import DATASETS, Study

TITLE = "Figure 4: accuracy with the first conv layers frozen during adaptation"


def run(study: Study) -> Findings:
    found, rows, bars = Findings(study.name, TITLE), [], {}
    for dataset, name, role in study.meta_trained(found):
        layers = [block.name for block in study.network(role).net.blocks if not block.readout]
        accuracies = [
            study.accuracies(
                role, dataset, inner=lambda loop, k=k: replace(loop, freeze=tuple(layers[:k])), key=f"{k}-frozen" if k else ""
            )
            for k in range(len(layers) + 1)
        ]
        bars[dataset] = [estimate(a) for a in accuracies]
        for k, (a, e) in enumerate(zip(accuracies, bars[dataset])):
            loss = difference(accuracies[0], a)
            rows.append(
                [
                    name,
                    ", ".join(layers[:k]) or "none",
                    e.percent(),
                    f"{100 * loss.mean:+.2f} ± {100 * (loss.ci95 or 0):.2f}" if k else None,
                ]
            )
            if k:
                found.claims.append(
                    judge(
                        f"{name}: nothing is lost with {', '.join(layers[:k])} frozen",
                        "no significant loss",
                        loss,
                        most=1,
                        rule="accuracy of the whole minus that with frozen layers, paired, below 1 point",
                    )
                )
        found.summary += (
            f"{name}: {bars[dataset][0].percent()} % when all layers learn, {bars[dataset][-1].percent()} % when only "
            f"the readout does. "
        )
    found.tables.append(
        Table(
            "figure-4",
            "Accuracy on unseen classes after one update (%)",
            ["data", "frozen", "accuracy ± 95 % CI", "loss, paired (points)"],
            rows,
            "Frozen at meta-test only; the networks were meta-trained with all layers adapting.",
        )
    )
    if bars:
        found.figures["figure-4"] = (_draw(bars), "Frozen layers during the one update that learns five classes.")
    return found


def _draw(bars: dict):
    from ..plots import COLOURS, figure, style

    with style():
        fig = figure(6.4, 3.6)
        axes = fig.subplots()
        for shift, (dataset, estimates), colour in zip((-0.2, 0.2), bars.items(), (COLOURS["blue"], COLOURS["vermillion"])):
            places = [k + shift for k in range(len(estimates))]
            axes.bar(
                places,
                [100 * e.mean for e in estimates],
                0.38,
                yerr=[100 * (e.ci95 or 0) for e in estimates],
                color=colour,
                capsize=3,
                label=DATASETS[dataset],
            )
        axes.axhline(20, color="0.4", linestyle=":", linewidth=1.2)
        axes.set(
            xlabel="conv layers frozen, from the input on",
            ylabel="accuracy on unseen classes (%)",
            ylim=(0, 118),
            yticks=range(0, 101, 20),
            xticks=range(max(map(len, bars.values()))),
            title="The readout alone learns nearly as well",
        )
        axes.legend(loc="upper center", ncols=2)
    return fig
