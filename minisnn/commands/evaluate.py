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
from ..training.settings import SOUNDS, UNALIGNED, USUAL

JSON = outputs.json_of("minisnn evaluate")
WHOLE = [name for name, rule in RULES.items() if rule.whole_set]
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

    from ..training.baselines import baselines
    from ..training.checkpoint import classifier, read
    from ..training.evaluation import evaluate
    from ..training.origin import met
    from ..training.progress import RULE_NAMES, sentence, table
    from ..training.protocol import differing

    # whatever code of the user makes of the working folder
    json = None if args.json is None else args.json.absolute()
    tested = options.known_network(args)
    found = read(options.find_checkpoint(tested))
    config = found.config
    dataset, root = found.to_open(tested, args.dataset, args.root)
    if json is not None:
        outputs.check_not_read(args.json, [root], JSON)
    _check_align(args, dataset)
    own = _own(found, dataset, root)
    whole_set = own.get("rule") in WHOLE and args.rule is None
    if whole_set:
        nothing = "inner_steps shots baselines against align".split()
        nothing += ["ways"] * (args.ways not in (None, found.net.ways))
        options.refuse(args, "with a classifier, whose readout knows the classes", *nothing)
    asked, learner = _asked(args, found, own, dataset, root)
    if not args.quiet:
        if args.checkpoint is None:
            print(f"{tested} is tested, which ships for {dataset}", file=sys.stderr, flush=True)
        announce()
    how = found.origin.options(dataset)
    if dataset == "recordings" and not how:
        warnings.warn(
            f"{tested} does not say how its recordings were read; these are read in "
            f"{USUAL['duration_ms']:g} ms from the first event on, in steps of "
            f"{USUAL['bin_ms']:g} ms. For others use ms.evaluate",
            stacklevel=2,
        )
    learners = {str(tested): found.origin}
    others: dict[str, Any] = {}
    if args.against is not None:
        others, learners[args.against] = _other(args.against, learner.net, how, dataset)
    trained_by = config and f"{RULES[config.rule].words(config.order)}, meta-trained"
    foreign = args.rule is not None and asked["rule"] != own.get("rule")
    known: dict[str, str] = {}

    def beside(tasks: Any) -> dict[str, Any]:
        real = tasks.episode(args.seed, 0, asked["ways"], asked["shots"], asked["queries"]).real
        if real:
            options.refuse(args, "where tasks have real targets", "rule", "against")
        here = replace(found.origin, data=dataset, root=root)
        for name, origin in {} if args.split == "train" or whole_set else learners.items():
            if (words := met(origin, here, tasks)) is not None:
                known[name] = words
                of = "" if origin is found.origin else f" of {name}"
                warnings.warn(
                    f"{args.split}: {words}{of}; its accuracy is not that of unseen classes",
                    stacklevel=2,
                )
        named: dict[str, Any] = {}
        if args.baselines and not whole_set and not real:
            same = _with_ways(found, asked["ways"])
            inner = None if foreign else learner.inner
            named = baselines(same.net, same.theta, tasks, classifier(), inner)
            if foreign and config and own.get("rule") not in WHOLE:
                named[trained_by] = same
        return {**named, **others}

    with options.executor_of(args) as executor:
        result = evaluate(
            *(learner.net, learner.theta, learner.inner, dataset, args.split, args.episodes),
            *(args.seed, None, asked["shots"], asked["queries"]),
            root=root,
            progress=not args.quiet,
            executor=executor,
            align=args.align,
            beside=beside,
            how={**how, **options.given_strokes(args, dataset)},
            whole_set=whole_set,
            classes=found.origin.labels(found.net.ways) if whole_set else None,
        )
    result.update(
        asked,
        checkpoint=str(tested),
        trained_for=differing(own, asked),
        met=known.get(str(tested)),
        command=["minisnn", *args.line],
    )
    for name, row in result["rules"].items():
        if name in others:
            row["met"] = known.get(args.against)
    if json is not None:
        write_json(json, outputs.made_by("minisnn evaluate", result))
    learned = trained_by if asked["rule"] == own.get("rule") else RULE_NAMES[asked["rule"]]
    print(sentence(result), *table(result, learned, learner.inner), sep="\n")


def _check_align(args: argparse.Namespace, dataset: str) -> None:
    """ValueError where tasks cannot be aligned."""
    if dataset == "double-nmnist":
        return
    if args.align == "support":
        raise ValueError(
            f"--{UNALIGNED}: leave it out"
            if dataset in SOUNDS
            else f"--align support is for double-nmnist; tasks of {dataset} cannot be aligned by "
            "their support"
        )
    options.refuse(args, f"with {dataset}, read as the network learned it", "align")


def _with_ways(found: Any, ways: int) -> Any:
    """The network of a checkpoint as a rule, for so many classes."""
    from ..training.baselines import Adapted, with_ways

    if ways == found.net.ways:
        return Adapted.of(found)
    return Adapted(*with_ways(found.net, found.theta, found.loop, ways))


def _own(found: Any, dataset: str, root: str | None) -> dict[str, Any]:
    """What a network was trained for, as far as it says, as values by name (`training.protocol`)."""
    from ..training.protocol import learning, reading, same

    config, origin = found.config, found.origin
    values: dict[str, Any] = {}
    if origin.data is not None:
        values |= dict(dataset=origin.data, root=root if same(origin.root, root) else origin.root)
    if config is not None:
        values |= dict(shots=config.shots, queries=config.queries, rule=config.rule)
        values |= dict(seed=config.test_seed, episodes=config.test_episodes)
    values["ways"] = found.net.ways
    return values | reading(dataset, origin.options(dataset)) | learning(found.loop)


def _asked(
    args: argparse.Namespace, found: Any, own: dict, dataset: str, root: str | None
) -> tuple[dict[str, Any], Any]:
    """What is asked for, by the names of `own`, and the network as it learns then. What a rule asks
    for becomes its own in `own`, so that only the rule is said to differ."""
    from ..meta.online import OnlineReadout
    from ..training.baselines import Adapted, learns_by
    from ..training.protocol import learning, reading

    ways = args.ways or found.net.ways
    learner = _with_ways(found, ways)
    rule = args.rule or own.get("rule")
    if rule == "nearest" and own.get("rule") == "prototypes":  # two names for one thing
        rule = "prototypes"
    if args.rule is not None:
        learner = learns_by(args.rule, learner.net, learner.theta, learner.inner)
        own |= learning(learner.inner)
    if args.rule is None and args.inner_steps and rule == "prototypes":
        rule = "proto-maml"  # what steps from class means are
    if args.step_size is not None and not 0 < args.step_size < math.inf:
        raise ValueError(f"--step-size is {args.step_size}, expected a number above 0")
    inner = learner.inner
    if args.inner_steps:  # they go through the network's own answers to one look
        inner = getattr(inner, "once", inner)
    given = {
        "steps": args.inner_steps,
        "step_size": args.step_size,
        "freeze": args.freeze,
        "online": args.online,
    }
    inner = replace(inner, **{name: value for name, value in given.items() if value is not None})
    if args.rule == "nearest":
        options.refuse(args, "with --rule nearest", "inner_steps")
    if isinstance(inner, OnlineReadout):
        options.refuse(args, "with rule online, which adapts the readout alone", "freeze", "online")
    if inner.steps == 0:
        options.refuse(args, "where there are no inner steps", "step_size", "freeze", "online")
    how = {**found.origin.options(dataset), **options.given_strokes(args, dataset)}
    asked = dict(
        dataset=dataset,
        root=root,
        ways=ways,
        shots=args.shots or own.get("shots", 1),
        queries=args.queries or own.get("queries", 10),
        rule=rule,
        seed=args.seed,
    )
    if rule in WHOLE:  # of others the sentence says it
        asked["episodes"] = args.episodes
    asked |= reading(dataset, how) | learning(inner)
    return asked, Adapted(learner.net, learner.theta, inner)


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
