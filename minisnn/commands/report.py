"""Every table and figure of Stewart & Neftci 2022, measured here, beside the paper's values, and
what the paper did not try: one HTML page that needs nothing else. What other commands measured
in the same folder is used; what is missing is measured first."""

import argparse
import sys
import time

from .studies import add_study, carry_out, study_maker

SUMMARY = "all tables and figures on one page"
EXAMPLES = """\
examples:
  minisnn report                                 from the networks that travel with minisnn
  minisnn report --episodes 600                  with the paper's precision
  minisnn report --only table-2,figure-3         part of it
  minisnn report --retrain                       everything from random weights; hours"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", metavar="A,B,…", help="names of experiments, such as table-2,figure-3,relearn,shots")
    add_study(parser, 40)


def run(args: argparse.Namespace) -> None:
    from ..experiments import EXPERIMENTS

    names = list(EXPERIMENTS) if args.only is None else args.only.split(",")
    for name in names:
        if name not in EXPERIMENTS:
            raise ValueError(f"--only: there is no experiment {name!r}; expected some of {', '.join(EXPERIMENTS)}")
    from ..parallel.compilation import announce
    from ..experiments.report import write_report

    if not args.quiet:
        announce()
    findings, began = [], time.perf_counter()
    try:
        with study_maker(args) as make:
            for place, name in enumerate(names, 1):
                start = time.perf_counter()
                found = carry_out(make(name))
                findings.append(found)
                if not args.quiet:
                    seconds = time.perf_counter() - start
                    print(f"{place} of {len(names)}: {found.title}; {seconds:.0f} s", file=sys.stderr, flush=True)
    except KeyboardInterrupt as signal:
        raise KeyboardInterrupt(
            f"stopped; what was measured is kept in {args.out / 'records'}, the same command goes on"
        ) from signal
    path = write_report(findings, args.out, time.perf_counter() - began)
    claims = [claim.verdict for found in findings for claim in found.claims]
    print(
        f"{path}: {len(findings)} experiments; of {len(claims)} claims {claims.count('agrees')} agree, "
        f"{claims.count('differs')} differ, {claims.count('inconclusive')} are inconclusive"
    )
