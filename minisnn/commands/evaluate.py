"""Few-shot accuracy of a checkpoint on seeded tasks, before and after adaptation, with its 95 %
confidence interval. The same seed gives the same tasks, so networks can be compared on equal terms.
"""

import argparse
import math
import sys
import warnings
from typing import Any
from dataclasses import replace

from .. import outputs
from ..files import write_json
from . import options
from ..parallel.compilation import announce
from ..meta.rules import RULES
from ..training.fields import SOUNDS, UNALIGNED, USUAL

JSON = outputs.json_of("minisnn evaluate")
EXAMPLES = """\
examples:
  minisnn evaluate --checkpoint runs/quick-1/checkpoint.h5
  minisnn evaluate --checkpoint runs/quick-1 --episodes 600 --json accuracy.json
  minisnn evaluate --checkpoint runs/quick-1 --root ~/N-MNIST    real recordings
  minisnn evaluate --checkpoint runs/quick-1 --inner-steps 3     more inner steps
  minisnn evaluate --checkpoint runs/quick-1 --ways 20           twenty classes a task
  minisnn evaluate --checkpoint runs/quick-1 --against runs/quick-2   which of two is better
  minisnn evaluate --dataset written --root strokes.npz   by the network that ships for it
  minisnn evaluate --checkpoint runs/pen --strokes shuffled   written, without time
  minisnn evaluate --checkpoint runs/quick-1 --freeze conv1      adapting less
  minisnn evaluate --checkpoint runs/quick-1 --workers 4         four processes"""


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_checkpoint(parser, "what is tested (default: the network that ships for --dataset)")
    options.add_data(parser)
    options.add_strokes(parser)
    options.add_count(parser, "episodes", 100, "number of tasks")
    options.add_seed(parser, "the tasks")
    options.add_count(
        parser,
        "ways",
        None,
        "classes of a task; for another number than the network's, the readout's columns all "
        "start from their mean (default: the network's)",
        2,
    )
    for name, of in (("shots", "support"), ("queries", "query")):
        options.add_count(
            parser, name, None, f"{of} samples of each class (default: as in training)"
        )
    options.add_count(parser, "inner-steps", None, "gradient steps (default: as in training)", 0)
    parser.add_argument(
        "--rule",
        choices=("nearest", "proto-maml", "maml", "online"),
        help="learn by another rule: nearest class mean, steps from there, steps from a readout of "
        "zero, or the readout alone, one sample after the other (default: as in training)",
    )
    parser.add_argument(
        "--step-size",
        type=float,
        metavar="X",
        help="of the inner loop (default: that of the checkpoint)",
    )
    parser.add_argument(
        "--freeze",
        type=options.names,
        metavar="A,B,…",
        help="layers that do not adapt (default: as in training)",
    )
    parser.add_argument(
        "--online",
        action=argparse.BooleanOptionalAction,
        help="adapt after every support sample, not once after all (default: as in training)",
    )
    parser.add_argument(
        "--align",
        choices=("support", "none"),
        help="shift each task by the whole-pixel offset that its support asks for (default with "
        "double-nmnist: support, but for the training split)",
    )
    options.add_yes(
        parser,
        "baselines",
        "compare with nearest class means on the same episodes: of summed frames (the pixel "
        "baseline), of a random network's features, of a classifier's and of this network's",
    )
    options.add_input(
        parser,
        "--against",
        metavar="FILE",
        help="compare with another network, by its own rule, on the same episodes, and give the paired "
        "difference: " + "checkpoint, run folder, or name of a shipped checkpoint",
    )
    options.add_output(
        parser,
        "--json",
        kind=JSON,
        metavar="OUT",
        help="write all numbers, also those of every episode, to this file",
    )
    options.add_quiet(parser)
    options.add_threads(parser)
    options.add_workers(parser)


def run(args: argparse.Namespace) -> None:
    options.use_threads(args.threads)

    from ..meta.online import OnlineReadout
    from ..training.checkpoint import classifier, read
    from ..training.baselines import Adapted, baselines, learns_by, with_ways
    from ..training.evaluation import evaluate
    from ..training.progress import RULE_NAMES, sentence, table
    from ..training.origin import met

    # whatever code of the user makes of the working folder
    json = None if args.json is None else args.json.absolute()
    tested = options.known_network(args)
    found = read(options.find_checkpoint(tested))
    dataset, root = found.to_open(tested, args.dataset, args.root)
    if args.align == "support" and dataset in SOUNDS:
        raise ValueError(f"--{UNALIGNED}: leave it out")
    if args.align == "support" and dataset != "double-nmnist":
        raise ValueError(
            f"--align support is for double-nmnist; tasks of {dataset} cannot be aligned by their "
            "support"
        )
    if dataset != "double-nmnist":
        options.refuse(args, f"with {dataset}, read as the network learned it", "align")
    config = found.config
    net = found.net
    theta = found.theta
    inner = found.loop
    whole_set = config is not None and RULES[config.rule].whole_set and args.rule is None
    others = args.ways not in (None, net.ways)
    if whole_set:
        nothing = ["inner_steps", "shots", "baselines", "against", *["ways"] * others]
        options.refuse(args, "with a classifier, whose readout knows the classes", *nothing)
    if others:
        net, theta, inner = with_ways(net, theta, inner, args.ways)
    features = theta
    own = inner
    foreign = args.rule is not None and not (config and config.rule == args.rule)
    trained_by = config and f"{RULES[config.rule].words(config.order)}, meta-trained"
    if args.rule:
        _, theta, inner = vars(learns_by(args.rule, net, theta, inner)).values()
    rule = args.rule
    if rule is None and args.inner_steps and config and config.rule == "prototypes":
        rule = "proto-maml"  # what steps from class means are
    if args.step_size is not None and not 0 < args.step_size < math.inf:
        raise ValueError(f"--step-size is {args.step_size}, expected a number above 0")
    given = {
        "steps": args.inner_steps,
        "step_size": args.step_size,
        "freeze": args.freeze,
        "online": args.online,
    }
    if args.inner_steps:  # they go through the network's own answers to one look
        inner = getattr(inner, "once", inner)
    inner = replace(inner, **{name: value for name, value in given.items() if value is not None})
    if args.rule == "nearest":
        options.refuse(args, "with --rule nearest", "inner_steps")
    if args.rule == "online" or args.rule is None and isinstance(inner, OnlineReadout):
        options.refuse(args, "with rule online, which adapts the readout alone", "freeze", "online")
    if inner.steps == 0:
        options.refuse(args, "where there are no inner steps", "step_size", "freeze", "online")
    shots = args.shots or (config.shots if config else 1)
    queries = args.queries or (config.queries if config else 10)
    if not args.quiet:
        if args.checkpoint is None:
            print(f"{tested} is tested, which ships for {dataset}", file=sys.stderr, flush=True)
        announce()
    if dataset == "recordings" and not found.origin.options(dataset):
        warnings.warn(
            f"{tested} does not say how its recordings were read; these are read in "
            f"{USUAL['duration_ms']:g} ms from the first event on, in steps of "
            f"{USUAL['bin_ms']:g} ms. For others use ms.evaluate",
            stacklevel=2,
        )
    where: dict[str, Any] = dict(
        root=root,
        progress=not args.quiet,
        align=args.align if dataset == "double-nmnist" else None,
        how={**found.origin.options(dataset), **options.given_strokes(args, dataset)},
        whole_set=whole_set,
        classes=found.origin.labels(net.ways) if whole_set else None,
    )
    learners = {str(tested): found.origin}
    other: dict[str, Any] = {}
    if args.against is not None:
        opened = found.origin.options(dataset)
        other, learners[args.against] = _other(args.against, net, opened, dataset)

    def beside(tasks: Any) -> dict[str, Any]:
        asked = replace(found.origin, data=dataset, root=root)
        unseen = {} if args.split == "train" or whole_set else learners
        for name, learner in unseen.items():
            if (known := met(learner, asked, tasks)) is not None:
                warnings.warn(
                    f"{args.split}: {known}{f' of {name}' * (learner is not found.origin)}; its "
                    "accuracy is not that of unseen classes",
                    stacklevel=2,
                )
        named: dict[str, Any] = {}
        if args.baselines and not whole_set:
            named = baselines(net, features, tasks, classifier(), None if foreign else inner)
            if foreign and config and not RULES[config.rule].whole_set:
                named[trained_by] = Adapted(net, features, own)
        return {**named, **other}

    where.update(beside=beside)
    with options.executor_of(args) as executor:
        tasks = (dataset, args.split, args.episodes, args.seed, None, shots, queries)
        result = evaluate(net, theta, inner, *tasks, **where, executor=executor)
    result.update(
        checkpoint=str(tested),
        learns_by=rule or (config and config.rule),
        **(dict(rule=config.rule) if whole_set else {}),
        inner_steps=inner.steps,
        freeze=list(inner.freeze),
    )
    if json is not None:
        write_json(json, outputs.made_by("minisnn evaluate", result))
    learned = RULE_NAMES[rule] if foreign or rule != args.rule else trained_by
    print(sentence(result), *table(result, learned, inner), sep="\n")


def _other(path: str, net: Any, how: dict, dataset: str) -> tuple[dict[str, Any], Any]:
    """The network at `path` as a rule, by name, and its origin; it must take the recordings that
    `net` takes, opened in the same way."""
    from ..training.baselines import Adapted, with_ways
    from ..training.checkpoint import read

    found = read(options.find_checkpoint(path))
    given = found.net, found.theta, found.loop
    options.check_learns(f"--against {path}", found)
    if found.net.input_shape != net.input_shape:
        raise ValueError(
            f"--against {path}: takes recordings of shape {found.net.input_shape}; expected those "
            f"of --checkpoint, {net.input_shape}"
        )
    theirs = found.origin.options(dataset)
    if theirs and theirs != how:
        apart = sorted(one for one in {*theirs, *how} if theirs.get(one) != how.get(one))
        raise ValueError(
            f"--against {path}: its recordings were read by other options than those of "
            f"--checkpoint ({', '.join(apart)}); expected the same"
        )
    if found.net.ways != net.ways:
        given = with_ways(*given, net.ways)
    config = found.config
    words = f", {RULES[config.rule].words(config.order)}, meta-trained" if config else ""
    return {f"{path}{words}": Adapted(*given)}, found.origin
