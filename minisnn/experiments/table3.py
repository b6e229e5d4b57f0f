"""Table 3: the inner loop's updates of the readout are few and large, those of the outer loop and
of plain training small."""

import numpy as np

from .findings import Findings
from .paper import TABLE_3
from .study import Study
from .updates import LR, STATISTICS, UPDATES, inner_updates, made, outer_updates, plain_updates

TITLE = "Table 3: magnitudes of the readout's updates"
RATIOS = {
    "outer loop": (57, "4.4e-3 against 7.72e-5: 57 times"),
    "non-meta training": (9, "4.4e-3 against 5e-4: 9 times"),
}


def run(study: Study, found: Findings) -> None:
    if study.network("double-nmnist/maml-snn") is None:
        found.missing.append("no network meta-trained by MAML")
        return
    measured = {"inner loop": inner_updates(study), "outer loop": outer_updates(study)}
    if study.network("double-nmnist/pretrained-snn") is None:
        found.missing.append("non-meta training: no pretrained network")
    else:
        measured["non-meta training"] = plain_updates(study)
    rows = []
    for name, values in measured.items():
        sizes = [f"{column.mean():.3g} ± {column.std(ddof=1):.2g}" for column in values.T[:4]]
        rows.append([name, *sizes, made(values), *TABLE_3[name]])
    header = " | ".join(
        ["update", *STATISTICS[:4], "non-zero", "paper: mean", "paper: sum", "paper: largest"]
    )
    found.table(
        "table-3",
        "Magnitude of an update of the readout, mean ± SD over updates",
        header,
        rows,
        f"Inner loop: one update on each of {len(measured['inner loop'])} test tasks. The others: "
        f"{UPDATES} updates by Adam at {LR:g} that go on from the trained network; Adam's updates "
        "are proportional to that rate. Each of them is much like the one before it, and all are "
        "of one run, so there is no interval, and verdicts go by the numbers alone. The paper's "
        "sums and means imply some 3,850 of 5,125 values in both loops, so its means are taken to "
        "be of the non-zero ones.",
    )
    inner = measured["inner loop"]
    for name, (times, paper) in RATIOS.items():
        if name in measured:
            other = measured[name]
            least, most = times / 3, 3 * times
            found.claim(
                f"inner-loop updates are some {times} times as large as those of the {name}",
                paper,
                inner[:, 1].mean() / other[:, 1].mean(),
                least,
                most,
                rule=f"ratio of the means of the non-zero magnitudes from {least:g} to {most:g}, a "
                "third to three times the paper's",
                unit="times",
                scale=1,
            )
            found.claim(
                f"fewer values are updated by the inner loop than by the {name}",
                "(Fig. 5) fewer are non-zero",
                _share(inner) - _share(other),
                most=-1e-9,
                rule="share of non-zero updates minus that of the other, below 0",
            )
    found.summary = (
        f"One inner-loop update moves {made(inner)} values of the readout by "
        f"{inner[:, 1].mean():.2g} on "
        f"average; an outer one moves them by {measured['outer loop'][:, 1].mean():.2g}."
    )


def _share(values: np.ndarray) -> float:
    """The mean share of the values that an update changes."""
    return (values[:, 4] / values[:, 5]).mean()
