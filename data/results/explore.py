"""Studies beyond the paper that are measured for a record.

classes      classes learned one by one, from one recording each: accuracy over all, without stored
             recordings
grid         shifted and enlarged recordings with more or fewer events at once, on a grid of 1,521
             points (--episodes of them): mean and worst
nuisance     when is a gradient step worth it? Rules against class means where something is new in
             each task: the sensor turned, dead cells, a late start, ten other cases (hours)
recurrence   recurrent layers and learned time constants, where time carries the class: strokes drawn
             in different orders, or with --root an archive of written characters
seeds        rules of meta-training, each from random weights over three training seeds (hours)
surrogate    slope, shape and curvature of the surrogate, at first and second order

    python data/results/explore.py surrogate
    python data/results/explore.py recurrence --episodes 300 --seed 1
"""

import argparse
import importlib
import sys
from pathlib import Path

from minisnn.experiments.findings import Findings
from minisnn.experiments.networks import Networks
from minisnn.experiments.study import Settings, Study
from minisnn.parallel.executor import Executor
from minisnn.parallel.workers import Workers

NAMES = ("classes", "grid", "nuisance", "recurrence", "seeds", "surrogate")
sys.path.append(str(Path(__file__).resolve().parent / "studies"))  # workers import them, too


def main(line: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", choices=NAMES)
    parser.add_argument("--episodes", type=int, default=200, help="test episodes")
    parser.add_argument("--queries", type=int, default=5, help="query samples of each class")
    parser.add_argument("--seed", type=int, default=0, help="of the episodes")
    parser.add_argument("--root", metavar="DIR", help="folder of real recordings, or of strokes")
    parser.add_argument("--asl-root", metavar="PATH", help="folder of ASL-DVS, or photographs")
    parser.add_argument("--out", type=Path, default=Path("runs/paper"), metavar="DIR")
    parser.add_argument("--workers", type=int, help="processes")
    args = parser.parse_args(line)
    settings = Settings(args.episodes, args.queries, args.seed, args.root, args.asl_root)
    with Executor() if args.workers is None else Workers(args.workers) as executor:
        study = Study(args.study, args.out, settings, Networks(), executor=executor)
        module = importlib.import_module(args.study)
        found = Findings(args.study, module.TITLE)
        module.run(study, found)
    found.settings = study.describe()
    found.write(study.folder)
    print(f"{found.text()}\n\nnumbers and figures: {study.folder}")


if __name__ == "__main__":
    main()
