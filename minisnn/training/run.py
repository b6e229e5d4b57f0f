"""Meta-training by any rule on tasks from a data set, in a run folder that can be stopped and
resumed.

Task k of update u depends on (seed, u, k) only, and a checkpoint stores everything else that the
next update needs. So a run that was stopped and resumed ends with the same arrays as an
uninterrupted one.
"""

import math
import time
import warnings
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from operator import add
from pathlib import Path
from signal import SIGINT
from typing import Any

import numpy as np

from . import checkpoint as checkpoints, progress as shows
from .. import stopping
from ..arguments import NotFinite, must
from ..core.bases import Loss
from ..core.neuron import Dynamics
from ..data.store.cache import identity
from ..files import read_json, write_json
from ..meta.beforehand import expect
from ..meta.implicit import NegativeCurvature
from ..meta.inner import InnerLoop
from ..meta.rules import MAML, RULES
from ..meta.stepsizes import StepSizes
from ..meta.tasks import Classification
from ..parallel.executor import Executor, WorkersLost
from ..parallel.missing import announce
from .baselines import baselines
from .evaluation import check_sets, evaluate, open_sets
from .folder import RunFolder
from .origin import Origin, contents, learned, met
from .settings import TrainingConfig
from .update import (
    FLOAT,
    Held,
    Learned,
    Own,
    State,
    axes_of,
    begun,
    check_axes,
    inner_loop,
    network_of,
    restored,
    task_gradient,
    updated,
    ways_of,
)

__all__ = ["Interrupted", "Result", "TrainingConfig", "train"]


LOOKED_AT = 8  # validation tasks in which layers are checked
DEAD, SATURATED = 1e-4, 0.99  # mean outputs; trained layers fire at 0.005 to 0.2


class Unhealthy(UserWarning):
    """A warning that a layer is silent or saturated; the message says what to try."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a run; the state is saved and the message says how to continue."""


@dataclass(frozen=True, eq=False)
class Result:
    """A finished run: network, parameters, inner loop, curve, and as `test` the result of
    `evaluate` at the end."""

    net: checkpoints.Kept
    theta: np.ndarray
    inner: InnerLoop
    curve: dict[str, np.ndarray]
    test: dict | None
    out: Path

    def __repr__(self) -> str:
        """Return a line for a notebook: the result, and the run folder."""
        reached = "not tested" if self.test is None else shows.sentence(self.test)
        return (
            f"Result: {reached}; run folder {self.out}; net, theta, inner, curve and test hold "
            "all of it"
        )


def train(
    config: TrainingConfig,
    out: str | Path | RunFolder,
    resume: bool = False,
    progress: bool = True,
    *,
    force: bool = False,
    data: Mapping | None = None,
    executor: Executor | None = None,
    held: Held = FLOAT,
    neuron: Dynamics | None = None,
    loss: Loss | None = None,
    rule: MAML | None = None,
) -> Result:
    """Meta-train a network, test it, and write everything to the folder `out` (see `folder`).

    out        a folder, or a `RunFolder` that the caller has entered
    resume     continue the run in `out`
    force      overwrite a run in `out`
    data       sets of tasks by split ("train", "val", "test") in place of config.dataset; each has
               `input_shape`, `sample_task(rng, ways, shots, queries)` and `episode(seed, index,
               ways, shots, queries)`; for rule classify also `classes`, and sample_task takes some
               of them
    executor   computes the tasks of an update and the episodes; the results are the same for any
    held       a device that learns the tasks instead of the float network. It is not part of the
               settings, so pass it again to resume
    neuron, loss, rule   custom parts (`update.Own`) in place of the settings'; pass them again to
                         resume

    Raises ValueError for settings that do not fit, for a folder with another run or in use by
    another process, and if the loss becomes infinite or NaN; `WorkersLost` if the executor cannot
    continue; `Interrupted` on Ctrl-C. In the last three cases the state is saved.

    >>> frames = np.random.default_rng(0).poisson(0.1, (48, 20, 2, 4, 4))
    >>> tasks = ms.Recordings(frames, list("abcdef") * 8, duration_ms=20)
    >>> settings = dict(channels=(), ways=2, queries=2, window=8, backend="numpy", test_episodes=2)
    >>> config = ms.TrainingConfig(**settings, updates=2, tasks=2, evaluate_every=0, first_order_updates=0)
    >>> result = ms.train(config, "run", progress=False, data=tasks.split(train=1, val=1, test=1))
    >>> result.test["episodes"], len(result.curve["loss"])
    (2, 2)
    """
    must("config", isinstance(config, TrainingConfig), "a minisnn.TrainingConfig", config)
    must("out", out != "", "a folder's path", out)
    own = Own(neuron, loss, rule)
    own.check(config)
    looks = {"train": 1, "val": config.evaluate_every, "test": config.test_episodes}
    needed = [split for split in looks if looks[split]]
    must("data", data is None or {*needed} <= {*data}, f"sets for {', '.join(needed)}", data)
    place = nullcontext(out) if isinstance(out, RunFolder) else RunFolder(out, held.command)
    with stopping.heeded(SIGINT), place as folder:
        found = folder.resume(config, data, own) if resume else None
        if not resume and not force:
            folder.check_free()
        # finds conflicts before any data is read
        net = network_of(config, (256, 256, 2), config.ways, own)
        inner_loop(config, net, config.step_size, own.rule_of(config)).check(net)
        expect(net)
        data = open_sets(config, progress) if data is None else data
        measure = check_sets(config, data, own.loss)
        origin = replace(
            Origin.of(held.command, data), own=own.words(), content=contents(data, config.ways)
        )
        if resume:
            kept = folder.origin
            kept.check_same(origin, folder.path)
            origin = replace(origin, classes=kept.classes, recordings=kept.recordings)
            folder.origin = origin
        else:
            start = None if config.start is None else checkpoints.read(config.start).origin
            origin = learned(origin, data["train"], start)
        known = {}
        if RULES[config.rule].whole_set:
            names = data["train"].classes
            data = {split: Classification(tasks, names) for split, tasks in data.items()}
        else:
            for split in needed[1:]:  # parts of unseen sets from which the run learns
                if (words := met(origin, origin, data[split])) is not None:
                    known[split] = words
                    more = f", here or at its start, {config.start}" * (config.start is not None)
                    text = f"{split}: {words}{more}; its accuracy is not that of unseen classes"
                    warnings.warn(text, stacklevel=2)
        with np.errstate(over="ignore", invalid="ignore"):  # `_update` detects what is not finite
            run = _Run(config, folder, data, progress, executor, held, own, measure, known)
            return run.go(found, None if resume else origin)


def check_rates(tasks: list[dict[str, float]]) -> None:
    """Warn of spiking layers that are silent, or always fire, in all of these tasks: {layer: mean
    output}."""
    for name in tasks[0]:
        rates = [task[name] for task in tasks]
        state = "dead" if max(rates) < DEAD else "saturated" if min(rates) > SATURATED else None
        if state is not None:
            other = "higher --init-rate, lower" if state == "dead" else "lower --init-rate, higher"
            text = f"layer {name} is {state}, whatever it sees; try a {other} --firing-threshold"
            warnings.warn(f"{text}, or smaller --lr and --step-size", Unhealthy, stacklevel=2)


class _Run:
    """A run in progress."""

    def __init__(
        self,
        config: TrainingConfig,
        folder: RunFolder,
        data: Mapping[str, Any],
        progress: bool,
        executor: Executor | None,
        held: Held,
        own: Own,
        measure: str,
        known: dict[str, str],  # by split: data that the network has seen before, in words
    ):
        self.config, self.folder, self.data, self.progress = config, folder, data, progress
        self.executor, self.held, self.own = executor or Executor(), held, own
        self.measure, self.known = measure, known
        ways = len(data["train"].classes) if RULES[config.rule].whole_set else config.ways
        self.size = ways, config.shots, config.queries
        self.net = network_of(config, data["train"].input_shape, ways, own)
        self.learns = held.of(self.net)
        self.steps = StepSizes(self.net, config.learn_step_size, config.step_size)
        self.axes: np.ndarray | None = None
        if config.axes and config.rule == "prototypes":
            check_axes(config, self.net, data["train"])
        self.rows: list[dict[str, float]] = []
        self.saved: int | None = None  # updates of the state that was saved last
        self.columns = [
            *f"update tasks loss {measure}_before {measure}_after gradient_norm lr".split(),
            *self.steps.parts,
            *"seconds validation validation_ci95".split(),
            *(f"activity_{b.name}" for b in self.net.blocks if not b.readout),
        ]

    def go(self, found: checkpoints.Checkpoint | None, origin: Origin | None) -> Result:
        """Run from a checkpoint, or from the beginning. origin: the origin of a new run."""
        config = self.config
        folder = self.folder
        net = self.net
        if self.progress:
            announce()
        if found is None:
            state = begun(config, net, self.steps, self.data["train"])
        else:
            state = restored(net, found, folder.path)
            self.saved = state.update
            self.axes = getattr(found.inner, "axes", None)
            for values in zip(*found.curve.values()):
                row = dict(zip(found.curve, map(float, values)))
                self.rows.append({name: v for name, v in row.items() if not math.isnan(v)})
        if origin is not None:
            folder.begin(config, origin)
        folder.write_log(self.columns, self.rows)
        try:
            if self.progress:
                known = getattr(self.data["train"], "classes", None)
                shows.say(shows.opening(config, net, folder, self.measure, known))
            with shows.bar(config, len(self.rows), self.progress) as bar:
                while state.update < config.updates:
                    self._validate(state)
                    if state.update % config.checkpoint_every == 0:
                        self._save(state)
                    began = time.perf_counter()
                    new, row = self._update(state)
                    # some clocks go back, for example after sleep
                    spent = max(time.perf_counter() - began, 0.0)
                    row["seconds"] = spent + (self.rows[-1]["seconds"] if self.rows else 0.0)
                    self.rows.append(row)
                    state = new
                    folder.log(self.columns, row)
                    shows.show(bar, config, self.rows, self.progress)
                if config.axes and config.rule == "prototypes" and self.axes is None:
                    self._save(state)  # so that nothing is lost if fitting fails
                    if self.progress:
                        shows.say(f"fits {config.axes} axes to training tasks")
                    tasks = self.data["train"]
                    self.axes = axes_of(config, net, state.theta, tasks, self.executor)
                self._validate(state)
                self._save(state)
            test = self._test(state)
        except (OSError, KeyboardInterrupt) as error:
            raise self._broken_off(state, error) from error
        return Result(net, state.theta, self._inner(state), self._curve(), test, folder.path)

    def _broken_off(self, state: State, error: OSError | KeyboardInterrupt) -> BaseException:
        """Save what can be saved after Ctrl-C, or after workers, a disk, a folder or a connection
        failed; return the exception to raise, which says what was saved."""
        folder = self.folder
        with suppress(OSError):
            self._save(state)
        kept = "nothing is saved"
        if self.saved is not None and (folder / checkpoints.CURRENT).is_file():
            go_on = folder.how_to_resume
            kept = f"the state after update {self.saved} is saved, continue with {go_on}"
        text = f"stopped after {state.update} of {self.config.updates} updates, {kept}"
        if isinstance(error, KeyboardInterrupt):
            folder.draw(self.rows, self._chances())
            return Interrupted(text)
        if isinstance(error, BrokenPipeError):  # the output is closed
            return error
        if isinstance(error, WorkersLost):
            return WorkersLost(f"{error}; {text}")
        place = error.filename or str(folder.path)
        return OSError(error.errno, f"{error.strerror or error}; {text}", place)

    def _inner(self, state: State) -> InnerLoop:
        step_size = self.steps.value(state.log_step)
        inner: Any = inner_loop(self.config, self.net, step_size, self.own.rule_of(self.config))
        return inner if self.axes is None else replace(inner, axes=self.axes)

    def _update(self, state: State) -> tuple[State, dict[str, float]]:
        """Return the state after one update of `tasks` tasks, and its row in the log. If it is not
        finite, save the state before it and raise ValueError."""
        config = self.config
        sums = [Learned()]
        run = self.data["train"], self.net, config, self.steps, state.theta, state.log_step

        def collect(found: Learned) -> None:  # called in the order of tasks
            sums[0] = Learned(*map(add, sums[0], found))

        one = partial(task_gradient, *run, state.update, held=self.held, own=self.own)
        try:
            self.executor.in_order(one, range(config.tasks), collect, large=True)
            return updated(config, self.net, self.steps, state, sums[0], self.measure)
        except (NegativeCurvature, NotFinite) as error:
            self._save(state)
            advice = "try a smaller --step-size or --lr, or --clip 5"
            kept = f"--start {self.folder.path} continues from the state before"
            raise type(error)(f"update {state.update + 1}: {error}; {advice}; {kept}") from None

    def _validate(self, state: State) -> None:
        """Evaluate the validation tasks when they are due, and draw the curve so far."""
        config = self.config
        due = self.config.evaluate_every
        now = due and self.rows and (state.update % due == 0 or state.update == config.updates)
        if not now or "validation" in self.rows[-1]:
            return
        result = self._evaluate(state, "val", config.evaluate_episodes, config.seed, False)
        phi = self.held.start(self.net, state.theta)[0]
        tasks = (self.data["val"].episode(config.seed, k, *self.size) for k in range(LOOKED_AT))
        rates = [self.learns.activity(phi, task.x_support) for task in tasks]
        if config.model == "snn":  # softplus outputs are not spikes, and never zero
            check_rates(rates)
        row = self.rows[-1]
        row |= {f"activity_{name}": rate for name, rate in rates[0].items()}
        row["validation"] = result[f"{self.measure}_after"]
        if result["interval"] is not None:
            row["validation_ci95"] = result["interval"]["half"]
        self.folder.write_log(self.columns, self.rows)
        self.folder.draw(self.rows, self._chances())

    def _evaluate(
        self, state: State, split: str, episodes: int, seed: int, progress: bool, beside=None
    ) -> dict:
        phi = self.held.start(self.net, state.theta)[0]
        inner = self.held.inner(self.net, self._inner(state))
        how = dict(progress=progress, executor=self.executor, beside=beside)
        tasks = self.data[split]
        return evaluate(self.learns, phi, inner, tasks, split, episodes, seed, *self.size, **how)

    def _curve(self) -> dict[str, np.ndarray]:
        return {
            name: np.array([row.get(name, math.nan) for row in self.rows], np.float64)
            for name in self.columns
        }

    def _chances(self) -> list[float] | None:
        """Return the chance level of each update's training tasks; None for real targets."""
        rules = (self.own.rule_at(self.config, u) for u in range(len(self.rows)))
        sizes = [ways_of(self.data["train"], self.size[0], self.config, rule) for rule in rules]
        return [1 / ways for ways in sizes] if self.measure == "accuracy" else None

    def _save(self, state: State) -> None:
        updates = self.config.updates
        tasks = state.update * self.config.tasks
        checkpoints.save(
            self.folder / checkpoints.CURRENT,
            self.net,
            state.theta,
            inner=self._inner(state),
            config=self.config,
            curve={name: column[: state.update] for name, column in self._curve().items()},
            optimiser=state.arrays(),
            progress=dict(update=state.update, updates=updates, tasks=tasks),
            provenance=dict(origin=asdict(self.folder.origin)),
        )
        self.saved = state.update

    def _test(self, state: State) -> dict | None:
        """Return the accuracy on the test tasks, measured once and stored in result.json."""
        config = self.config
        origin = self.folder.origin
        path = self.folder / "result.json"
        self.folder.draw(self.rows, self._chances())
        if not config.test_episodes:
            return None
        network = identity(state.theta)
        if path.exists() and (kept := read_json(path)).get("network") == network:
            return kept
        beside = None
        plain = type(self.held) is Held and not RULES[config.rule].whole_set
        if plain:
            known = checkpoints.classifier()
            inner = self._inner(state)
            beside = partial(baselines, self.net, state.theta, pretrained=known, inner=inner)
        episodes = config.test_episodes
        seed = config.test_seed
        test = self._evaluate(state, "test", episodes, seed, self.progress, beside)
        test |= dict(
            rule=config.rule,
            met=self.known.get("test"),
            dataset=origin.kind or origin.data,
            root=origin.root,
            updates=state.update,
            tasks=state.update * config.tasks,
            training_seed=config.seed,
            seconds=round(self.rows[-1]["seconds"], 1),
            parameters=self.net.size,
            network=network,
        )
        write_json(path, test)
        return test
