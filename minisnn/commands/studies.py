"""`minisnn table`, `figure`, `relearn`, `explore` and `report`: measure what the paper claims, and
more."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from .. import outputs
from ..experiments import BEYOND, EXPERIMENTS
from ..files import held, whole_folder
from ..parallel.missing import announce
from .options import Force, Quiet, Work

OUT = Path("runs/paper")
WAYS = 5  # classes of the tasks on which the tables compare networks

Episodes = Annotated[int, "test episodes"]


@dataclass
class Plan:
    """data, networks and output (default: the networks that ship)"""

    queries: Annotated[int | None, "query samples of each class (default: 5)"] = None
    seed: Annotated[int, "seed of the episodes"] = 0
    root: Annotated[
        Path | None, "DIR", "folder of real N-MNIST recordings (default: simulated ones)"
    ] = None
    asl_root: Annotated[
        Path | None,
        "folder of ASL-DVS, or photographs of the 24 letters (default: drawn hands, simulated)",
    ] = None
    networks: Annotated[
        Path | None,
        "DIR",
        "folder of checkpoints or run folders that have the names of the shipped ones",
    ] = None
    out: Annotated[
        Path,
        "DIR",
        "folder for numbers and figures",
        outputs.SHARED,
    ] = OUT
    force: Force = False
    quiet: Quiet = False

    def measure(
        self, runs: dict[str, Callable], episodes: int, work: Work, ways: int | None = WAYS
    ) -> Iterator[Any]:
        """Run experiments, {name: function of a study}, and write their findings; they share
        networks, data and workers. ways: the number of classes of all networks."""
        from ..experiments.networks import Networks
        from ..experiments.study import Settings, Study

        root, asl_root = (str(path) if path else None for path in (self.root, self.asl_root))
        settings = Settings(episodes, self.queries or 5, self.seed, root, asl_root)
        if not self.quiet:
            announce()
        with held(self.out), work.executor() as executor:
            networks = Networks(self.networks, ways)
            more = settings, networks, not self.quiet, executor
            studies = [Study(name, self.out, *more) for name in runs]
            for study in studies:
                outputs.check(study.folder, outputs.FOLDER, force=self.force)
            for study, run in zip(studies, runs.values()):
                found = run(study)
                found.settings = study.describe()
                with whole_folder(study.folder) as folder:
                    found.write(folder)
                yield found

    def show(self, name: str, episodes: int, work: Work, run: Callable | None = None) -> None:
        """Run one experiment and print its findings."""
        from ..experiments.study import Study

        ways = WAYS if run is None else None
        for found in self.measure({name: run or Study.run}, episodes, work, ways):
            found.tables = [table for table in found.tables if table.name != "all"]
            print(f"{found.text()}\n\nnumbers and figures: {self.out / name}")


def table(
    number: Annotated[Literal[2, 3], "number of the table in the paper"],
    /,
    episodes: Episodes = 600,
    *,
    plan: Plan,
    work: Work,
) -> None:
    """Measure a table of Stewart & Neftci 2022, next to the paper's values.

    2   one-shot accuracy on both data sets: MAML and FOMAML, spiking and not
    3   magnitudes of the readout's updates: inner loop, outer loop, training
        without meta-learning

    examples:
      minisnn table 2                     with the networks that ship with minisnn
      minisnn table 2 --episodes 100      a quick look
      minisnn table 2 --root ~/N-MNIST    on real recordings
      minisnn table 3 --out runs/mine     into another folder
    """
    plan.show(f"table-{number}", episodes, work)


def figure(
    number: Annotated[Literal[2, 3, 4, 5, 6], "number of the figure in the paper"],
    /,
    episodes: Episodes = 600,
    *,
    plan: Plan,
    work: Work,
) -> None:
    """Measure a figure of Stewart & Neftci 2022: its numbers, the claims that it
    supports, and the figure itself as PNG and SVG.

    2   example tasks
    3   error against inner-loop updates
    4   accuracy with frozen layers
    5   histograms of updates, and their threshold
    6   transfer learning, shot by shot

    examples:
      minisnn figure 3                        with the networks that ship with it
      minisnn figure 4 --episodes 100         a quick look
      minisnn figure 5 --networks runs/mine   with networks of your own
    """
    plan.show(f"figure-{number}", episodes, work)


def relearn(*, episodes: Episodes = 600, plan: Plan, work: Work) -> None:
    """Measure forgetting and relearning: learn task A, then B, then A again, with
    one recording of each class and one update each. Stewart & Neftci 2022 claim
    that a forgotten task is learned again in one shot.

    examples:
      minisnn relearn
      minisnn relearn --episodes 100 --root ~/N-MNIST
    """
    plan.show("relearn", episodes, work)


def explore(
    what: Annotated[Literal[BEYOND], "what to explore"],  # type: ignore[valid-type]
    /,
    episodes: Annotated[
        int, "test episodes; all but recordings measure half of them, at most 200"
    ] = 200,
    *,
    plan: Plan,
    work: Work,
) -> None:
    """Measure what the paper did not try.

    shots        accuracy against the recordings of each class in the support set
    ways         accuracy against the number of classes, more than in meta-training
    activity     accuracy against the spikes that the network makes
    recordings   simulated recordings against real ones, and photographs of hands
    shift        shifted and enlarged recordings with more or fewer events, tasks
                 aligned by their support
    rule         MAML's and Proto-MAML's step against the nearest class mean, on the
                 same features and episodes
    onset        recordings that start earlier or later than the network assumes,
                 and a stream without pauses

    examples:
      minisnn explore shots
      minisnn explore activity
      minisnn explore recordings --root ~/N-MNIST --asl-root hands.npz
    """
    plan.show(what, episodes, work)


def report(
    *,
    only: Annotated[
        tuple[str, ...],
        "names of experiments, such as table-2,figure-3,relearn,shots (default: all)",
    ] = EXPERIMENTS,
    episodes: Episodes = 40,
    plan: Plan,
    work: Work,
) -> None:
    """Measure every table and figure of Stewart & Neftci 2022, next to the paper's
    values, and what the paper did not try, on one page of Markdown.

    examples:
      minisnn report                             from the networks that ship
      minisnn report --episodes 600              with the paper's precision
      minisnn report --only table-2,figure-3     part of it
    """
    from ..experiments.report import counts, write_report
    from ..experiments.study import Study

    if unknown := [name for name in only if name not in EXPERIMENTS]:
        known = ", ".join(EXPERIMENTS)
        raise ValueError(f"--only: there is no experiment {unknown[0]!r}; expected some of {known}")
    if plan.out.is_dir():  # otherwise it is made
        outputs.check(plan.out / "report.md", outputs.FILE, force=plan.force)
    began = time.perf_counter()
    findings = []
    for found in plan.measure(dict.fromkeys(only, Study.run), episodes, work):
        findings.append(found)
        if not plan.quiet:
            so_far = f"{len(findings)} of {len(only)}: {found.title}"
            print(f"{so_far}; {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    path = write_report(findings, plan.out, time.perf_counter() - began)
    print(f"{path}: {counts(findings)}")
