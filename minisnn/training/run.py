"""Meta-training: MAML, ANIL or Reptile over tasks drawn from a data set, in a run folder that can
be stopped and resumed.

Task k of update u depends on (seed, u, k) alone, and a checkpoint holds everything else that the
next update needs. So a run that was stopped and resumed ends with the very same arrays as one that
was not.
"""

import math
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from operator import add
from pathlib import Path
from signal import SIGINT

import numpy as np

from . import checkpoint as checkpoints
from .. import stopping
from .baselines import baselines
from .evaluation import check_apart, check_ways, evaluate, measure_of, open_sets, rehearsed
from .folder import RunFolder, check_given
from .health import TASKS as HEALTH_TASKS, Health, diverged
from .held import Held, Own
from .origin import Origin, contents, learned, met
from .progress import Bar, chances, opening, say, sentence
from .settings import TrainingConfig
from .update import Learned, State, axes_of, begun, check_axes, inner_loop, network_of, restored
from .update import task_gradient, updated
from ..data.sets.named import Opened
from ..data.store.cache import identity
from ..data.store.shipped import find_checkpoint
from ..files import read_json, write_json
from ..core.loss import Loss
from ..core.neuron import Dynamics
from ..meta.beforehand import expect
from ..meta.implicit import NegativeCurvature
from ..meta.inner import InnerLoop
from ..meta.rules import MAML, RULES
from ..meta.stepsizes import StepSizes
from ..meta.tasks import Classification
from ..parallel.compilation import announce
from ..parallel.executor import Executor, WorkersLost

__all__ = ["Interrupted", "Result", "TrainingConfig", "train"]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a run; the state is saved and the message says how to continue."""


@dataclass(frozen=True, eq=False)
class Result:
    """A finished run: the network, its parameters, how it adapts, and as `test` what `evaluate`
    found at the end."""

    net: checkpoints.Kept
    theta: np.ndarray
    inner: InnerLoop
    curve: dict[str, np.ndarray]
    test: dict | None
    out: Path

    def __repr__(self) -> str:
        """A line, as a notebook shows it: what was reached, and where it lies."""
        reached = "not tested" if self.test is None else sentence(self.test)
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
    held: Held = Held(),
    neuron: Dynamics | None = None,
    loss: Loss | None = None,
    rule: MAML | None = None,
) -> Result:
    """Meta-train a network and test it; everything is written to the folder `out` (see `folder`).

    out        a folder, or a `RunFolder` that the caller holds and keeps
    resume     continue the run in `out`
    force      overwrite a run in `out`
    data       sets of tasks by split ("train", "val", "test") in place of config.dataset; each has
               `input_shape`, `sample_task(rng, ways, shots, queries)` and `episode(seed, index,
               ways, shots, queries)`; for rule classify also `classes`, and sample_task takes some
               of them
    executor   carries out the tasks of an update and the episodes; the results are the same for any
    held       a device that learns the tasks in place of the float network. It is not part of the
               settings, so a resumed run must be given the same
    neuron, loss, rule   your own (`held.Own`), in place of the settings'; to be given again, too

    Raises ValueError for settings that do not fit, for a folder that holds another run or in which
    another process trains, and where the loss is no longer finite; `WorkersLost` where the executor
    cannot continue; `Interrupted` on Ctrl-C. In the last three cases the state is saved.

    >>> frames = np.random.default_rng(0).poisson(0.1, (48, 20, 2, 4, 4))
    >>> tasks = ms.Recordings(frames, list("abcdef") * 8, duration_ms=20)
    >>> settings = dict(channels=(), ways=2, queries=2, window=8, backend="numpy", test_episodes=2)
    >>> config = ms.TrainingConfig(**settings, updates=2, tasks=2, evaluate_every=0, first_order_updates=0)
    >>> result = ms.train(config, "run", progress=False, data=tasks.split(train=1, val=1, test=1))
    >>> result.test["episodes"], len(result.curve["loss"])
    (2, 2)
    """
    check_given(config, out, data)
    with (
        stopping.heeded(SIGINT),
        nullcontext(out) if isinstance(out, RunFolder) else RunFolder(out, held.command) as folder,
    ):
        given = data is not None and not isinstance(data, Opened)
        mine = Own(neuron, loss, rule)
        mine.check(config)
        found = folder.resume(config, given, mine) if resume else None
        if not resume and not force:
            folder.check_free(config)
        folder.check_writable()
        # finds what does not fit before any data is read
        net = network_of(config, (256, 256, 2), config.ways, mine)
        inner_loop(config, net, config.step_size, mine.rule_of(config)).check(net)
        expect(net)
        whole_set = RULES[config.rule].whole_set
        if data is None:
            if resume:
                folder.check_code(config)
            data = open_sets(config, progress)
        origin = replace(Origin.of(held.command, data), own=mine.words(), content=contents(data))
        if resume:
            folder.origin.check_same(origin, folder.path)
            kept = folder.origin
            origin = replace(origin, classes=kept.classes, recordings=kept.recordings)
            folder.origin = origin
        check_ways(config, data)
        check_apart(config, data)
        if not resume:
            start = None
            if config.start is not None:
                start = checkpoints.read(find_checkpoint(config.start)).origin
            origin = learned(origin, data["train"], start)
        known = {} if whole_set else _known(config, origin, data)
        if whole_set:
            names = data["train"].classes
            data = {split: Classification(tasks, names) for split, tasks in data.items()}
        with np.errstate(over="ignore", invalid="ignore"):  # `_update` finds what is not finite
            measure = measure_of(found.curve) if found else rehearsed(config, data, mine.loss)
            run = _Run(config, folder, data, progress, executor, held, mine, measure, known)
            return run.go(found, None if resume else origin, force)


def _known(config: TrainingConfig, origin: Origin, data: Mapping) -> dict[str, str]:
    """What of the sets that are to be unseen is learned from, here or where the run starts, by
    split and in words; with a warning."""
    found = {}
    for split, looks in (("val", config.evaluate_every), ("test", config.test_episodes)):
        if looks and split in data and (words := met(origin, origin, data[split])) is not None:
            found[split] = words
            start = f", here or at its start, {config.start}" if config.start is not None else ""
            warnings.warn(
                f"{split}: {words}{start}; its accuracy is not that of unseen classes",
                stacklevel=3,
            )
    return found


class _Run:
    """A run in the making."""

    def __init__(
        self,
        config,
        out,
        data,
        progress,
        executor=None,
        held=Held(),
        own=Own(),
        measure="accuracy",
        known=None,
    ):
        self.config = config
        self.folder = out
        self.data = data
        self.progress = progress
        self.held = held
        self.own = own
        self.executor = executor or Executor()
        self.known = known or {}  # what is not unseen, in words, by split
        self.ways = len(data["train"].classes) if RULES[config.rule].whole_set else config.ways
        self.size = self.ways, config.shots, config.queries
        self.net = network_of(config, data["train"].input_shape, self.ways, own)
        self.learns = held.of(self.net)
        self.steps = StepSizes(self.net, config.learn_step_size, config.step_size)
        self.axes: np.ndarray | None = None
        check_axes(config, self.net, data["train"])
        self.rows: list[dict[str, float]] = []
        self.saved: int | None = None  # updates of the state that was saved last
        self.measure = measure
        guessed = partial(chances, data["train"], self.ways, config, own)
        self.chances = guessed if measure == "accuracy" else None
        self.columns = [
            *f"update tasks loss {measure}_before {measure}_after gradient_norm lr".split(),
            *self.steps.parts,
            *"seconds validation validation_ci95".split(),
            *(f"activity_{b.name}" for b in self.net.blocks if not b.readout),
        ]

    def go(self, found: checkpoints.Checkpoint | None, origin: Origin | None, force=False):
        """From a checkpoint, or from the beginning; origin: of a run that begins again."""
        config, folder = self.config, self.folder
        if self.progress:
            announce()
        state = self._start() if found is None else self._restore(found)
        self.saved = None if found is None else state.update
        self.health = Health(config, self.rows)
        if origin is not None:
            folder.begin(config, origin, force)
        folder.start_log(self.columns, self.rows)
        try:
            if self.progress:
                known = getattr(self.data["train"], "classes", None)
                many = None if known is None else len(known)
                number = self.executor.number
                say(opening(config, self.net, folder, number, self.measure, many))
            with Bar(config, self.rows, self.progress, self.measure) as bar:
                while True:
                    over = state.update >= config.updates
                    if over:
                        self._fit_axes(state)
                    self._validate(state)
                    if over or state.update % config.checkpoint_every == 0:
                        self._save(state)
                    if over:
                        break
                    began = time.perf_counter()
                    new, row = self._update(state)
                    # of a machine that sleeps or moves some clocks go back
                    spent = max(time.perf_counter() - began, 0.0)
                    row["seconds"] = (self.rows[-1]["seconds"] if self.rows else 0.0) + spent
                    self.rows.append(row)
                    state = new
                    self.health.update(row)
                    folder.log(row)
                    bar.show(row)
            test = self._test(state)
        except (OSError, KeyboardInterrupt) as error:
            raise self._broken_off(state, error) from error
        return Result(self.net, state.theta, self._inner(state), self._curve(), test, folder.path)

    def _broken_off(self, state: State, error: OSError | KeyboardInterrupt) -> BaseException:
        """What to raise on Ctrl-C, or where workers, a disk, a folder or a connection fail: it says
        what is kept. What can be saved is saved."""
        done = f"{state.update} of {self.config.updates} updates"
        try:
            self._save(state)
        except OSError:
            if not isinstance(error, OSError) or isinstance(error, WorkersLost):
                raise
        go_on = f"continue with {self.folder.how_to_go_on}"
        if isinstance(error, KeyboardInterrupt):
            self.folder.draw(self.rows, self.chances)
            return Interrupted(f"stopped after {done}; all is saved, {go_on}")
        if isinstance(error, WorkersLost):
            return WorkersLost(f"{error}; the state after {done} is saved, {go_on}")
        if isinstance(error, BrokenPipeError):  # nobody reads our progress any more
            return error
        return self.folder.failed(error, done, self.saved)

    def _start(self) -> State:
        return begun(self.config, self.net, self.steps, self.data["train"])

    def _restore(self, found: checkpoints.Checkpoint) -> State:
        state = restored(self.config, self.net, self.steps, found, self.folder.path)
        self.axes = getattr(found.inner, "axes", None)
        columns = [name for name in self.columns if name in found.curve]
        for row in zip(*(found.curve[name].tolist() for name in columns)):
            known = {name: value for name, value in zip(columns, row) if not math.isnan(value)}
            self.rows.append(known)
        return state

    def _inner(self, state: State) -> InnerLoop:
        step_size = self.steps.value(state.log_step)
        inner = inner_loop(self.config, self.net, step_size, self.own.rule_of(self.config))
        return inner if self.axes is None else replace(inner, axes=self.axes)  # type: ignore[call-arg]

    def _fit_axes(self, state: State) -> None:
        """Fit the axes of class means, where the settings ask for some and none are kept."""
        if not self.config.axes or self.config.rule != "prototypes" or self.axes is not None:
            return
        self._save(state)  # whatever comes of them
        if self.progress:
            say(f"fits {self.config.axes} axes to training tasks")
        tasks = self.data["train"]
        self.axes = axes_of(self.config, self.net, state.theta, tasks, self.executor)

    def _update(self, state: State) -> tuple[State, dict[str, float]]:
        """The state after one update of `tasks` tasks, and its row in the log."""
        sums = Learned()

        def collect(found: Learned) -> None:  # in task order
            nonlocal sums
            sums = Learned(*map(add, sums, found))

        try:
            self._gradients(state, state.update, self.config.tasks, collect)
        except NegativeCurvature as met:
            self._save(state)
            kept = f"the state before is saved: --start {self.folder.path} continues from there"
            raise NegativeCurvature(f"update {state.update + 1}: {met}; {kept}") from None
        new = updated(self.config, self.net, self.steps, state, sums, self.measure)
        if not new.finite:
            self._save(state)
            where = self.folder.path
            raise ValueError(diverged(self.config, self.net, new.row, new.gradient, where))
        return new.state, new.row

    def _gradients(self, state: State, u: int, tasks: int, collect: Callable) -> None:
        """What `task_gradient` finds for the first tasks of update u, one by one."""
        run = self.data["train"], self.net, self.config, self.steps, state.theta, state.log_step, u
        one = partial(task_gradient, *run, held=self.held, own=self.own)
        self.executor.in_order(one, range(tasks), collect, large=True)

    def _validate(self, state: State) -> None:
        """Look at the validation tasks where it is time, and draw the curve so far."""
        config, due = self.config, self.config.evaluate_every
        now = due and self.rows and (state.update % due == 0 or state.update == config.updates)
        if not now or "validation" in self.rows[-1]:
            return
        # a network that answers alike is ordinary before it has learned
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*in every episode all queries get one", UserWarning)
            result = self._evaluate(state, "val", config.evaluate_episodes, config.seed, False)
        activity = self._activity(state, 0)
        self.health.look(
            state.update,
            activity,
            lambda: (self._activity(state, 1 + n) for n in range(HEALTH_TASKS)),
        )
        rates = {f"activity_{name}": rate for name, rate in activity.items()}
        self.rows[-1].update(validation=result[f"{self.measure}_after"], **rates)
        if result["interval"] is not None:
            self.rows[-1]["validation_ci95"] = result["interval"]["half"]
        self.folder.start_log(self.columns, self.rows)
        self.folder.draw(self.rows, self.chances)

    def _activity(self, state: State, index: int) -> dict[str, float]:
        """Activity of every layer in the support set of a validation task."""
        x = self.data["val"].episode(self.config.seed, index, *self.size).x_support
        return self.learns.activity(self.held.start(self.net, state.theta)[0], x)

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

    def _save(self, state: State) -> None:
        curve = {name: column[: state.update] for name, column in self._curve().items()}
        tasks = state.update * self.config.tasks
        checkpoints.save(
            self.folder / checkpoints.CURRENT,
            self.net,
            state.theta,
            inner=self._inner(state),
            config=self.config,
            curve=curve,
            optimiser=state.arrays(),
            progress=dict(update=state.update, updates=self.config.updates, tasks=tasks),
            previous=self.folder / checkpoints.PREVIOUS,
            provenance=dict(origin=asdict(self.folder.origin)),
        )
        self.saved = state.update

    def _test(self, state: State) -> dict | None:
        """Accuracy on the test tasks, made once and kept in result.json."""
        config = self.config
        path = self.folder / "result.json"
        origin = self.folder.origin
        self.folder.draw(self.rows, self.chances)
        if not config.test_episodes:
            return None
        network = identity(state.theta)
        if path.exists() and (kept := read_json(path)).get("network") == network:
            return kept
        beside = None
        plain = type(self.held) is Held and not RULES[config.rule].whole_set
        if plain and self.measure == "accuracy":
            inner = self._inner(state)
            known = checkpoints.classifier()
            beside = partial(baselines, self.net, state.theta, pretrained=known, inner=inner)
        test = self._evaluate(
            state, "test", config.test_episodes, config.test_seed, self.progress, beside
        )
        test.update(
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
