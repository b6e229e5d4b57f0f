"""Every table and figure of Stewart & Neftci 2022, measured here beside the paper's values, and
experiments that the paper did not try, on one self-contained HTML page. Measurements of other
commands in the same folder are used; what is missing is measured first."""

import argparse
import sys
import time

from .. import outputs
from .options import names
from .studies import add_study, carry_out, check_place, study_maker
from ..experiments import EXPERIMENTS
from ..parallel.compilation import announce

EXAMPLES = """\
examples:
  minisnn report                             from the networks that ship with minisnn
  minisnn report --episodes 600              with the paper's precision
  minisnn report --only table-2,figure-3     part of it
  minisnn report --retrain                   everything from random weights; hours"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        type=names,
        metavar="A,B,…",
        help="names of experiments, such as table-2,figure-3,relearn,shots (default: all)",
    )
    add_study(parser, 40)


def run(args: argparse.Namespace) -> None:
    chosen = list(EXPERIMENTS) if args.only is None else args.only
    for name in chosen:
        if name not in EXPERIMENTS:
            raise ValueError(
                f"--only: there is no experiment {name!r}; expected some of "
                f"{', '.join(EXPERIMENTS)}"
            )
    from ..experiments.report import write_report

    if not args.quiet:
        announce()
    findings = []
    began = time.perf_counter()
    with study_maker(args, *chosen) as make:
        outputs.check(args.out / "report.html", outputs.REPORT, force=args.force)
        studies = [make(name) for name in chosen]
        for study in studies:
            check_place(study, args.force)
        for place, study in enumerate(studies, 1):
            start = time.perf_counter()
            findings.append(carry_out(study, args.force))
            if not args.quiet:
                print(
                    f"{place} of {len(chosen)}: {findings[-1].title}; "
                    f"{time.perf_counter() - start:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )
    path = write_report(findings, args.out, time.perf_counter() - began)
    claims = [claim.verdict for found in findings for claim in found.claims]
    agree, differ, neither = (
        claims.count(verdict) for verdict in ("agrees", "differs", "inconclusive")
    )
    print(
        f"{path}: {len(findings)} experiments; of {len(claims)} claims {agree} agree, {differ} "
        f"differ, {neither} are inconclusive"
    )
