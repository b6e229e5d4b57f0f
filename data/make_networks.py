"""Train the networks of this folder, by the recipes of minisnn.experiments.networks, and keep what
adapting needs.

    python data/make_networks.py RUNS [ROLE ...] [--root SET=DIR]

RUNS is the folder of the training runs, each of which can be resumed.

Without a ROLE all are made, which takes hours. A run folder RUNS/<name of the file without .h5>
that is there already goes on, and is used as it is where it is done. Written are weights, step
sizes, settings, curve and progress; the optimiser's state stays in the run folder. A file of this
folder whose training is not done holds that state, too: where its run folder is not there, it is
made from the file. Of the curve the rows stay that were validated. Networks that others only start
from (double-nmnist/first-cnn, for one) stay in RUNS, and are made where others ask for them.
"""

import argparse
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

import minisnn as ms
from minisnn.files import write_json
from minisnn.meta.discriminants import rounded
from minisnn.experiments.networks import RECIPES, Networks, file_name

COARSE = (  # weights keep 11 bits of their mantissa, which takes half the place in a file
    "double-nmnist/cuba-snn",
    "double-nmnist/fomaml-snn",
    "double-nmnist/moved-snn",
    "double-nmnist/pretrained-snn",
    "omniglot-background/wide-snn",
    "omniglot-background/maml-snn",
    "omniglot-background/maml-steps-snn",
    "omniglot-random/cuba-snn",
    "written/pen-snn",
    "written/order-snn",
    "double-nmnist/prototypes-cnn",
    "double-nmnist/maml-cnn",
    "double-asl/maml-cnn",
    "double-asl/maml-snn",
)
STARTS = ("omniglot-background/cuba-snn",)  # the files that began with it hold this name


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", metavar="RUNS", type=Path)
    parser.add_argument("roles", metavar="ROLE", nargs="*", help=f"of {', '.join(RECIPES)}")
    parser.add_argument(
        "--root",
        metavar="SET=DIR",
        action="append",
        default=[],
        help="recordings, such as written=strokes.npz",
    )
    args = parser.parse_args()
    if unknown := [role for role in args.roles if role not in RECIPES]:
        parser.error(f"no recipe for {', '.join(unknown)}; expected some of {', '.join(RECIPES)}")
    roots = {}
    for one in args.root:
        name, _, place = one.partition("=")
        if not name or not place:
            parser.error(f"--root is {one}, expected SET=DIR, such as written=strokes.npz")
        roots[name] = place
    networks = Networks(retrain=args.runs, roots=roots)
    ship = [role for role in RECIPES if "/first-" not in role and role not in STARTS]
    for role in args.roles or ship:
        _go_on_from_interim(
            Path(__file__).with_name(file_name(role)),
            args.runs / file_name(role).removesuffix(".h5"),
        )
        found = networks.find(role)
        path = Path(__file__).with_name(file_name(role))
        ms.save(
            path,
            found.net,
            rounded(found.theta) if role in COARSE else found.theta,
            inner=found.inner,
            config=replace(found.config, start=RECIPES[role].start, root=None),
            curve=kept(found.curve),
            progress=found.progress,
            provenance=nowhere(found.provenance),
        )
        print(
            f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {found.progress['tasks']:,} tasks"
        )


def nowhere(provenance: dict) -> dict:
    """Without the folder of recordings, which was one of the machine that trained."""
    if "origin" not in provenance:  # of a file that is older
        return provenance
    return provenance | {"origin": provenance["origin"] | {"root": None}}


def kept(curve: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The rows of a curve that were validated, and its last: a tenth of a file were the others."""
    rows = np.isfinite(curve["validation"])
    rows[-1:] = True
    return {name: column[rows] for name, column in curve.items()}


def _go_on_from_interim(shipped: Path, run: Path) -> None:
    """Make a run folder of a shipped file whose training is not done, unless there is one."""
    if run.exists() or not shipped.exists():
        return
    found = ms.read(shipped)
    if found.progress["update"] < found.progress["updates"]:
        run.mkdir(parents=True)
        write_json(run / "config.json", {**asdict(found.config), "made": asdict(found.origin)})
        shutil.copyfile(shipped, run / "checkpoint.h5")


if __name__ == "__main__":
    main()
