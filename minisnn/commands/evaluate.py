"""`minisnn evaluate`: few-shot accuracy of a checkpoint."""

import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from .. import outputs
from ..files import write_json
from ..meta.rules import RULES
from ..parallel.missing import announce
from .options import (
    CHECKPOINT,
    DATASET,
    ROOT,
    STROKES,
    Force,
    Quiet,
    Split,
    Work,
    idle,
    network_for,
    reading_of,
)

JSON = outputs.json_of("minisnn evaluate")


def evaluate(
    *,
    checkpoint: Annotated[
        Path | None,
        "FILE",
        f"what is tested: {CHECKPOINT} (default: the network that ships for --dataset)",
    ] = None,
    dataset: Annotated[str | None, DATASET] = None,
    root: Annotated[Path | None, ROOT] = None,
    split: Split = "test",
    strokes: Annotated[tuple[str, ...], STROKES] = (),
    episodes: Annotated[int, "number of tasks"] = 100,
    seed: Annotated[int, "seed of the tasks"] = 0,
    ways: Annotated[
        int | None,
        "classes of a task; for another number than the network's, the readout's columns all start "
        "from their mean (default: the network's)",
    ] = None,
    shots: Annotated[int | None, "support samples a class (default: as in training)"] = None,
    queries: Annotated[int | None, "query samples a class (default: as in training)"] = None,
    inner_steps: Annotated[int | None, int, "gradient steps (default: as in training)"] = None,
    rule: Annotated[
        Literal["nearest", "proto-maml", "maml", "online"] | None,
        "learn by another rule: nearest class mean, steps from there, steps from a readout of zero, "
        "or the readout alone, one sample after the other (default: as in training)",
    ] = None,
    step_size: Annotated[float | None, "of the inner loop (default: the checkpoint's)"] = None,
    freeze: Annotated[
        tuple[str, ...] | None, "layers that do not adapt (default: as in training)"
    ] = None,
    online: Annotated[
        bool | None, "adapt after every support sample, not once (default: as in training)"
    ] = None,
    align: Annotated[
        Literal["support", "none"] | None,
        "shift each task by the whole-pixel offset that its support asks for (default with "
        "double-nmnist: support, but for the training split)",
    ] = None,
    baselines: Annotated[
        bool,
        "compare with nearest class means on the same episodes: of summed frames (the pixel "
        "baseline), of a random network's features, of a classifier's and of this network's",
    ] = True,
    against: Annotated[
        Path | None,
        "FILE",
        f"compare with another network, by its own rule, on the same episodes: {CHECKPOINT}",
    ] = None,
    json: Annotated[
        Path | None,
        "write all numbers, also those of every episode, to this file",
        JSON,
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
    work: Work,
) -> None:
    """Few-shot accuracy of a checkpoint on seeded tasks, before and after adaptation,
    with its 95 % confidence interval. The same seed gives the same tasks, so
    networks can be compared on equal terms.

    examples:
      minisnn evaluate --checkpoint runs/quick-1/checkpoint.h5
      minisnn evaluate --checkpoint runs/quick-1 --episodes 600 --json found.json
      minisnn evaluate --checkpoint runs/quick-1 --root ~/N-MNIST  real recordings
      minisnn evaluate --checkpoint runs/quick-1 --inner-steps 3   more inner steps
      minisnn evaluate --checkpoint runs/quick-1 --ways 20         twenty classes
      minisnn evaluate --checkpoint runs/quick-1 --against runs/quick-2
                                                   which of two is better
      minisnn evaluate --dataset written --root strokes.npz
                                                   by the network that ships for it
      minisnn evaluate --checkpoint runs/pen --strokes shuffled    without time
      minisnn evaluate --checkpoint runs/quick-1 --freeze conv1    adapting less
      minisnn evaluate --checkpoint runs/quick-1 --workers 4       four processes
    """
    from ..training.baselines import baselines as baselines_of
    from ..training.checkpoint import classifier, read
    from ..training.evaluation import evaluate as measure
    from ..training.origin import met
    from ..training.progress import RULE_NAMES, sentence, table
    from ..training.protocol import learning, same

    json = None if json is None else json.absolute()  # code of the user may change the folder
    tested = checkpoint or network_for(dataset, strokes)
    found = read(tested)
    config, origin = found.config, found.origin
    dataset, place = found.to_open(tested, dataset, None if root is None else str(root))
    if json is not None:
        outputs.check_not_read(json, [place], JSON)
    if align is not None and dataset != "double-nmnist":
        raise ValueError(f"--align is for double-nmnist, not for {dataset}; leave it out")
    how = {**origin.options(dataset), **reading_of(dataset, strokes)}
    if dataset == "recordings" and not how:
        words = f"{tested} does not say how its recordings were read"
        warnings.warn(f"{words}; the usual time and steps are taken", stacklevel=2)
    whole_set = config is not None and RULES[config.rule].whole_set and rule is None
    if whole_set:
        why = "with a classifier, whose readout knows the classes"
        idle(why, inner_steps=inner_steps, shots=shots, against=against, align=align, ways=ways)
        inner_steps = shots = against = align = ways = None
    of_training: dict[str, Any] = {}
    if config is not None:
        of_training = dict(shots=config.shots, queries=config.queries, rule=config.rule)
        of_training |= dict(seed=config.test_seed, episodes=config.test_episodes)
    usual = _learner(found, ways=found.net.ways)
    taken = place if origin.data is None or same(origin.root, place) else origin.root
    own = _protocol(origin.data or dataset, taken, origin.options(dataset), usual, **of_training)
    if rule is not None:  # what it asks for is not said to differ, but the rule
        own |= learning(_learner(found, rule, ways).inner)
    changes = dict(steps=inner_steps, step_size=step_size, freeze=freeze, online=online)
    learner = _learner(found, rule, ways, **changes)
    by: Any = rule or own.get("rule")
    if rule is None and inner_steps and by == "prototypes":
        by = "proto-maml"  # what steps from class means are
    asked = dict(shots=shots or own.get("shots", 1), queries=queries or own.get("queries", 10))
    asked |= dict(rule=by, seed=seed)
    if whole_set:  # of others the sentence says it
        asked["episodes"] = episodes
    asked = _protocol(dataset, place, how, learner, **asked)
    if not quiet:
        if checkpoint is None:
            print(f"{tested} is tested, which ships for {dataset}", file=sys.stderr, flush=True)
        announce()
    networks = {str(tested): origin}
    others: dict[str, Any] = {}
    if against is not None:
        others, networks[str(against)] = _other(against, learner.net, how, dataset)
    foreign = rule is not None and by != own.get("rule")
    known: dict[str, str] = {}

    def beside(tasks: Any) -> dict[str, Any]:
        here = replace(origin, data=dataset, root=place)
        for name, learned in networks.items() if split != "train" and not whole_set else ():
            if words := met(learned, here, tasks):
                known[name] = words
                of = "" if name == str(checkpoint) else f" of {name}"
                words = f"{split}: {words}{of}; its accuracy is not that of unseen classes"
                warnings.warn(words, stacklevel=2)
        if not baselines or whole_set or tasks.episode(seed, 0, *size).real:
            return others
        same = _learner(found, ways=ways)
        inner = None if foreign else learner.inner
        rules = baselines_of(same.net, same.theta, tasks, classifier(), inner)
        if foreign and (words := _meta_trained(found)):
            rules[words] = same
        return {**rules, **others}

    size = learner.net.ways, asked["shots"], asked["queries"]
    with work.executor() as executor:
        result = measure(
            *(learner.net, learner.theta, learner.inner, dataset, split, episodes, seed, *size),
            root=place,
            progress=not quiet,
            executor=executor,
            align=align,
            beside=beside,
            how=how,
            whole_set=whole_set,
            classes=origin.labels(found.net.ways) if whole_set else None,
        )
    apart = {name: value for name, value in own.items() if value != asked.get(name, value)}
    result.update(asked, checkpoint=str(tested), trained_for=apart)
    result["met"] = known.get(str(tested))
    if json is not None:
        write_json(json, result)
    learned = _meta_trained(found) if by == own.get("rule") else RULE_NAMES[by]
    print(sentence(result), *table(result, learned, learner.inner), sep="\n")


def _meta_trained(found: Any) -> str | None:
    """The rule that a network learned by, in words; None where nothing says it, or it is a
    classifier's."""
    rule = found.config and RULES[found.config.rule]
    return f"{rule.words(found.config.order)}, meta-trained" if rule else None


def _protocol(
    dataset: str, root: str | None, how: dict, learner: Any, **task: Any
) -> dict[str, Any]:
    """What changes a test's figure, as values by name (`training.protocol`)."""
    from ..training.protocol import learning, reading

    values = dict(dataset=dataset, root=root, ways=learner.net.ways, **task)
    return values | reading(dataset, how) | learning(learner.inner)


def _learner(found: Any, rule: str | None = None, ways: int | None = None, **changes: Any) -> Any:
    """The network of a checkpoint as it learns by a rule, for so many classes."""
    from ..meta.online import OnlineReadout
    from ..training.baselines import Adapted, learns_by, with_ways

    if ways is not None and ways < 2:
        raise ValueError(f"--ways is {ways}; expected at least 2")
    learner = Adapted.of(found)
    if ways not in (None, found.net.ways):
        learner = Adapted(*with_ways(found.net, found.theta, found.loop, ways))
    if rule is not None:
        learner = learns_by(rule, learner.net, learner.theta, learner.inner)
    inner = learner.inner
    changes = {name: value for name, value in changes.items() if value is not None}
    unused = ["steps"] if rule == "nearest" else []
    if rule == "nearest" or changes.get("steps", inner.steps) == 0:
        unused += ["step_size", "freeze", "online"]
    elif isinstance(inner, OnlineReadout):
        unused += ["freeze", "online"]
    given = {name: changes.pop(name) for name in unused if name in changes}
    idle("as the network learns here", inner_steps=given.pop("steps", None), **given)
    if not changes.get("step_size", 1) > 0:
        raise ValueError(f"--step-size is {changes['step_size']}; expected a number above 0")
    if changes.get("steps"):  # they go through the network's own answers to one look
        inner = getattr(inner, "once", inner)
    return Adapted(learner.net, learner.theta, replace(inner, **changes))


def _other(path: Path, net: Any, how: dict, dataset: str) -> tuple[dict[str, Any], Any]:
    """The network at `path` as a rule, by name, and its origin; it must take the recordings that
    `net` takes, opened in the same way."""
    from ..training.checkpoint import read

    found = read(path)
    theirs = found.origin.options(dataset) or how
    apart = sorted(name for name in {*theirs, *how} if theirs.get(name) != how.get(name))
    if found.config is not None and RULES[found.config.rule].whole_set:
        raise ValueError(f"--against {path}: a classifier; expected a network that learns classes")
    if apart or found.net.input_shape != net.input_shape:
        words = f"{found.net.input_shape} {', '.join(apart)}"
        raise ValueError(f"--against {path}: takes other recordings than --checkpoint: {words}")
    name = ", ".join(filter(None, [str(path), _meta_trained(found)]))
    return {name: _learner(found, ways=net.ways)}, found.origin
