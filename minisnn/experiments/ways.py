"""Beyond the paper: more classes than the network was meta-trained for.

The readout's columns start from the mean of the trained ones (`training.baselines.with_ways`).
"""

from ..training.baselines import Adapted, Nearest, with_ways
from .drawing import curves_of
from .findings import Findings
from .statistics import estimate, some_of
from .study import Study

TITLE = "N ways: accuracy against the number of classes"
WAYS = (2, 5, 10, 20)


def run(study: Study, found: Findings) -> None:
    rows = []
    curves = {}
    episodes = some_of(study.settings.episodes)
    for dataset, name, role in study.meta_trained(found):
        trained = study.network(role)
        curves[name] = {}
        for ways in WAYS:
            wide = with_ways(trained.net, trained.theta, trained.loop, ways)
            values = study.rows(
                f"{dataset}-{ways}-way",
                dataset,
                {"adapted": Adapted(*wide), "nearest": Nearest(*wide[:2])},
                ways=ways,
                episodes=episodes,
            )
            e = curves[name][ways] = estimate(values["adapted"])
            nearest = estimate(values["nearest"]).percent()
            rows.append([name, ways, *e.columns(), nearest, f"{100 / ways:.0f}"])
        found.summary += f"{name}: {curves[name][WAYS[-1]].percent()} % among {WAYS[-1]} classes. "
    found.table(
        "ways",
        "One-shot accuracy on unseen classes (%)",
        "data | classes | accuracy ± 95 % CI | over episodes | nearest mean of its features | "
        "chance",
        rows,
        f"{episodes} episodes; the network of 5 ways with a readout whose columns are the mean of "
        "the trained ones, step "
        "sizes in proportion to the classes.",
    )
    if curves:
        found.figures["ways"] = (
            curves_of(
                curves,
                xlabel="classes of a task (ways)",
                title="One shot, more classes than in meta-training",
            ),
            "The 5-way network with more classes.",
        )
