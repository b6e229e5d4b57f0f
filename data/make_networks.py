"""Train the networks of this folder, by the recipes of minisnn.experiments.networks, and keep what adapting needs.

    python data/make_networks.py RUNS [ROLE ...]        RUNS: folder of the training runs, each of which can be resumed

A run folder RUNS/<name of the file without .h5> that is there already goes on, and is used as it is where it is done.
Written are weights, step sizes, settings, curve and progress; the optimiser's state stays in the run folder.
"""

import sys
from pathlib import Path

import minisnn as ms
from minisnn.experiments.networks import RECIPES, Networks, file_name


def main(runs: str, *roles: str) -> None:
    networks = Networks(retrain=runs)
    for role in roles or RECIPES:
        found = networks.find(role)
        path = Path(__file__).with_name(file_name(role))
        ms.save(
            path,
            found.net,
            found.theta,
            inner=found.inner,
            config=found.config,
            curve=found.curve,
            progress=found.progress,
            provenance=found.provenance,
        )
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {found.progress['tasks']:,} tasks")


if __name__ == "__main__":
    main(*sys.argv[1:])
