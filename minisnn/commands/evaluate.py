"""`minisnn evaluate`: few-shot accuracy of a checkpoint."""

import inspect
import sys
import warnings
from contextlib import suppress
from dataclasses import replace
from json import dumps, loads
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


def evaluate(
    *,
    checkpoint: Annotated[
        Path | None,
        "FILE",
        f"the network to test: {CHECKPOINT} (default: the network that ships for --dataset)",
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
    shots: Annotated[int | None, "support samples per class (default: as in training)"] = None,
    queries: Annotated[int | None, "query samples per class (default: as in training)"] = None,
    inner_steps: Annotated[int | None, int, "gradient steps (default: as in training)"] = None,
    step_size: Annotated[float | None, "step size (default: as in training)"] = None,
    rule: Annotated[
        Literal["nearest", "proto-maml", "maml", "online"] | None,
        "learn by another rule: nearest class mean, steps from there, steps from a readout of zero, "
        "or only the readout, one sample after the other (default: as in training)",
    ] = None,
    align: Annotated[
        Literal["support", "none"] | None,
        "shift each task by the whole-pixel offset given by its support (default with "
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
        outputs.FILE,
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
      minisnn evaluate --checkpoint runs/quick-1 --workers 4       four processes
    """
    from ..meta.prototypes import ClassMeans
    from ..training.baselines import baselines as baselines_of
    from ..training.checkpoint import classifier, read
    from ..training.evaluation import evaluate as measure
    from ..training.origin import met
    from ..training.progress import RULE_NAMES, learned_by, sentence, table

    json = None if json is None else json.absolute()  # the user's code may change the folder
    tested = checkpoint or network_for(dataset, strokes)
    found = read(tested)
    config = found.config
    origin = found.origin
    dataset, place = found.to_open(tested, dataset, None if root is None else str(root))
    if json is not None:
        outputs.check_not_read(json, [place], outputs.FILE)
    if align is not None and dataset != "double-nmnist":
        raise ValueError(f"--align is for double-nmnist, not for {dataset}; leave it out")
    how = {**origin.options(dataset), **reading_of(dataset, strokes)}
    if dataset == "recordings" and not how:
        words = f"{tested} does not say how its recordings were read"
        warnings.warn(f"{words}; the default unit of time and steps are used", stacklevel=2)
    whole_set = config is not None and RULES[config.rule].whole_set and rule is None
    if whole_set:
        why = "with a classifier, whose readout knows the classes"
        idle(why, inner_steps=inner_steps, shots=shots, against=against, align=align, ways=ways)
        inner_steps = shots = against = align = ways = None
    learner = _learner(found, ways, rule, inner_steps, step_size)
    usual = _learner(found, ways, rule).inner.steps if rule else found.loop.steps
    own = dict(shots=1, queries=10, inner_steps=usual, ways=found.net.ways)
    if config is not None:
        own |= {name: getattr(config, name) for name in ("shots", "queries", "rule")}
        own |= dict(seed=config.test_seed, episodes=config.test_episodes)
    by: Any = rule or own.get("rule")
    if rule is None and inner_steps and isinstance(found.loop, ClassMeans):
        by = "proto-maml"  # steps from class means
    size = learner.net.ways, shots or own["shots"], queries or own["queries"]
    asked = dict(zip(("ways", "shots", "queries"), size), inner_steps=learner.inner.steps)
    asked |= dict(rule=by, seed=seed, dataset=dataset, root=place) | reading(dataset, how)
    if whole_set:  # otherwise the result's sentence states it
        asked["episodes"] = episodes
    known = place if origin.data is None or same_folder(origin.root, place) else origin.root
    learned_from = origin.data or dataset
    if step_size is not None and config is not None:
        own["step_size"], asked["step_size"] = config.step_size, step_size
    own |= dict(dataset=learned_from, root=known) | reading(learned_from, origin.options(dataset))
    if not quiet:
        if checkpoint is None:
            print(f"testing {tested}, which ships for {dataset}", file=sys.stderr, flush=True)
        announce()
    networks = {str(tested): origin}
    others: dict[str, Any] = {}
    if against is not None:
        others, networks[str(against)] = _other(against, learner.net, how, dataset)
    foreign = rule is not None and by != own.get("rule")
    overlaps: dict[str, str] = {}

    def beside(tasks: Any) -> dict[str, Any]:
        tested_on = replace(origin, data=dataset, root=place)
        for name, learned in networks.items() if split != "train" and not whole_set else ():
            if words := met(learned, tested_on, tasks):
                overlaps[name] = words
                of = "" if name == str(checkpoint) else f" of {name}"
                words = f"{split}: {words}{of}; its accuracy is not that of unseen classes"
                warnings.warn(words, stacklevel=2)
        if not baselines or whole_set:
            return others
        same = _learner(found, ways)
        inner = None if foreign else learner.inner
        rules = baselines_of(same.net, same.theta, tasks, classifier(), inner)
        if foreign and config is not None:
            rules[learned_by(config)] = same
        return {**rules, **others}

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
    differing = {name: value for name, value in own.items() if value != asked.get(name, value)}
    result.update(
        asked, checkpoint=str(tested), trained_for=differing, met=overlaps.get(str(tested))
    )
    if json is not None:
        write_json(json, result)
    learned = RULE_NAMES[by] if by != own.get("rule") else config and learned_by(config)
    print(sentence(result), *table(result, learned, learner.inner), sep="\n")


def reading(dataset: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings by which a data set's recordings are read, in JSON's types: `options`,
    and the defaults of settings that are not given."""
    from ..data.sets.named import DATASETS, OPTIONS, find

    values: dict[str, Any] = {}
    with suppress(TypeError, ValueError):  # a callable in C has no signature
        parameters = inspect.signature(find(dataset)).parameters
        values = {name: parameters[name].default for name in OPTIONS & {*parameters}}
    values |= (DATASETS[dataset].options if dataset in DATASETS else {}) | options
    values = {
        n: v for n, v in values.items() if n != "classes" and v is not inspect.Parameter.empty
    }
    return loads(dumps(values, default=lambda scalar: scalar.item()))


def same_folder(one: str | None, other: str | None) -> bool:
    """Return whether two paths name the same folder."""
    places = [None if root is None else Path(root).expanduser().resolve() for root in (one, other)]
    return places[0] == places[1]


def _learner(
    found: Any,
    ways: int | None = None,
    rule: str | None = None,
    steps: int | None = None,
    step_size: float | None = None,
) -> Any:
    """Return a checkpoint's network with this rule, number of classes, number of steps and step
    size."""
    from ..meta.inner import downhill
    from ..training.baselines import Adapted, learns_by, with_ways

    learner = Adapted.of(found)
    if ways not in (None, found.net.ways):
        learner = Adapted(*with_ways(found.net, found.theta, found.loop, ways))
    if rule is not None:
        learner = learns_by(rule, learner.net, learner.theta, learner.inner)
    if rule == "nearest":
        idle("with this rule", inner_steps=steps)
    elif steps is not None:
        # gradient steps use one look only
        inner = getattr(learner.inner, "once", learner.inner) if steps else learner.inner
        learner = replace(learner, inner=replace(inner, steps=steps))
    if not learner.inner.steps:
        idle("where no step is made", step_size=step_size)
    elif step_size is not None:
        learner = replace(learner, inner=replace(learner.inner, step_size=downhill(step_size)))
    return learner


def _other(path: Path, net: Any, how: dict, dataset: str) -> tuple[dict[str, Any], Any]:
    """Return the network at `path` as a named rule, and its origin; it must expect the same
    recordings as `net`, read with the same options."""
    from ..training.checkpoint import read
    from ..training.progress import learned_by

    found = read(path)
    theirs = found.origin.options(dataset) or how
    apart = sorted(name for name in {*theirs, *how} if theirs.get(name) != how.get(name))
    if found.config is not None and RULES[found.config.rule].whole_set:
        raise ValueError(
            f"--against {path}: a classifier; expected a network that learns new classes"
        )
    if apart or found.net.input_shape != net.input_shape:
        words = f"{found.net.input_shape} {', '.join(apart)}"
        raise ValueError(f"--against {path}: needs other recordings than --checkpoint: {words}")
    name = f"{path}, {learned_by(found.config)}" if found.config else str(path)
    return {name: _learner(found, net.ways)}, found.origin
