"""Table 3: the inner loop's updates of the readout are few and large, those of the outer loop and of plain training small."""

from .findings import Findings, Table
from .paper import TABLE_3
from .statistics import estimate, judge
from .study import Study
from .updates import LR, STATISTICS, UPDATES, inner_updates, outer_updates, plain_updates

TITLE = "Table 3: magnitudes of the readout's updates"


def run(study: Study) -> Findings:
    found, measured = Findings(study.name, TITLE), {}
    if study.network("double-nmnist/maml-snn") is None:
        found.missing.append("no network meta-trained by MAML")
        return found
    measured["inner loop"], measured["outer loop"] = inner_updates(study), outer_updates(study)
    if study.network("double-nmnist/pretrained-snn") is None:
        found.missing.append("non-meta training: no pretrained network")
    else:
        measured["non-meta training"] = plain_updates(study)
    rows = []
    for name, values in measured.items():
        columns = dict(zip(STATISTICS, values.T))
        sums, largest = TABLE_3[name][1:]
        rows.append(
            [
                name,
                *(f"{columns[c].mean():.3g} ± {columns[c].std(ddof=1):.2g}" for c in STATISTICS[:4]),
                f"{columns['non-zero'].mean():,.0f} of {columns['values'][0]:,.0f}",
                TABLE_3[name][0],
                sums,
                largest,
            ]
        )
    found.tables.append(
        Table(
            "table-3",
            "Magnitude of an update of the readout, mean ± SD over updates",
            ["update", *STATISTICS[:4], "non-zero", "paper: mean", "paper: sum", "paper: largest"],
            rows,
            f"Inner loop: one update on each of {len(measured['inner loop'])} test tasks. The others: {UPDATES} updates by "
            f"Adam at {LR:g} that go on from the trained network; Adam's updates are proportional to that rate. The paper's "
            "sums and means imply some 3,850 of 5,125 values, so its means are taken to be those of the non-zero ones.",
        )
    )
    inner = measured["inner loop"]
    for other, paper in (
        ("outer loop", "4.4e-3 against 7.72e-5: 57 times"),
        ("non-meta training", "4.4e-3 against 5e-4: 9 times"),
    ):
        if other in measured:
            ratio = estimate(inner[:, 1] / measured[other][:, 1].mean())
            found.claims.append(
                judge(
                    f"inner-loop updates are an order of magnitude larger than those of the {other}",
                    paper,
                    ratio,
                    10,
                    rule="ratio of the means of the non-zero magnitudes above 10",
                    unit="times",
                    scale=1,
                )
            )
            fewer = estimate(inner[:, 4] / inner[:, 5] - (measured[other][:, 4] / measured[other][:, 5]).mean())
            found.claims.append(
                judge(
                    f"fewer values are updated by the inner loop than by the {other}",
                    "(Fig. 5) fewer are non-zero",
                    fewer,
                    most=0,
                    rule="share of non-zero updates minus that of the other, below 0",
                )
            )
    found.summary = (
        f"One inner-loop update moves {inner[:, 4].mean():,.0f} of {inner[0, 5]:,.0f} values of the readout by "
        f"{inner[:, 1].mean():.2g} on average; an outer one moves them by {measured['outer loop'][:, 1].mean():.2g}."
    )
    return found
