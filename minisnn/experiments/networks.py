"""The networks of the experiments: where each is found, and how it was trained.

A role is "<data set>/<rule>-<model>". Its network comes from a folder of the user's, from a
retraining, or from those that travel with the package; all were trained on simulated recordings by
RECIPES, which `--retrain` repeats. A recipe that starts from the file of another role is trained
after it.
"""

from dataclasses import replace
from pathlib import Path

from ..training.origin import PYTHON
from ..training.checkpoint import Checkpoint, read
from ..data.store.shipped import if_shipped
from ..training.presets import preset
from ..training.settings import TrainingConfig
from ..training.run import train

WIDE = dict(channels=(32, 64, 128))  # Table 1's
_LONG = dict(evaluate_every=1000, evaluate_episodes=40, test_episodes=600)
_SNN = replace(preset("maml"), **WIDE, **_LONG, step_size=4.0, queries=10, updates=9000)
_OF_CNN = dict(model="cnn", step_size=0.02, init_variance=9.0)
_PLAIN = dict(rule="classify", learn_step_size="no", queries=32, updates=2000, lr=1e-3, clip=None)
_SHORT = dict(evaluate_every=500, test_episodes=100)
_ASL = replace(_SNN, dataset="double-asl", channels=(16, 32, 64), queries=5, updates=3000, **_SHORT)
_MORE = dict(start="double_asl_first.h5", updates=2000, lr=1e-3, seed=1)
MEANS = dict(
    rule="prototypes",
    learn_step_size="no",
    train_ways=20,
    train_queries=2,
    draws=3,
    evaluate_episodes=40,
)
_CNN = replace(
    _SNN, **_OF_CNN, tasks=2, queries=5, updates=10000, evaluate_episodes=100, checkpoint_every=500
)
RECIPES: dict[str, TrainingConfig] = {
    "double-nmnist/maml-snn": _SNN,
    "double-nmnist/fomaml-snn": replace(_SNN, order=1, step_size=1.0),
    "double-nmnist/maml-cnn": _CNN,
    "double-nmnist/pretrained-snn": replace(
        preset("maml"),
        **WIDE,
        **_PLAIN,
        evaluate_every=500,
        evaluate_episodes=10,
        test_episodes=50,
    ),
    "double-nmnist/moved-snn": replace(preset("maml"), **WIDE, **MEANS, updates=2500),
    "double-asl/first-snn": _ASL,
    "double-asl/maml-snn": replace(
        _ASL, **_MORE, evaluate_every=250, evaluate_episodes=100, test_episodes=600
    ),
    "double-asl/fomaml-snn": replace(_ASL, order=1, step_size=1.0, updates=5000),
    "double-asl/maml-cnn": replace(_ASL, **WIDE, **_OF_CNN),
}
RECIPES |= {  # as these were made
    role: replace(one, init_tasks=4) for role, one in RECIPES.items() if one.start is None
}
LABELS = {"maml-snn": "MAML (SNN)", "fomaml-snn": "FOMAML (SNN)", "maml-cnn": "MAML (CNN)"}


def file_name(role: str) -> str:
    """double-nmnist/maml-snn: double_nmnist_maml.h5; a model that is no SNN is named, too."""
    return role.replace("/", "_").replace("-", "_").removesuffix("_snn") + ".h5"


class Networks:
    """Finds the networks of roles.

    folder    of the user's checkpoints or run folders, named as the shipped ones; what it lacks is
              looked for elsewhere
    retrain   folder to train them in first, by RECIPES, each in a run folder of its own that can be
              resumed; or None
    roots     {data set: folder of real recordings} that the retraining uses
    executor  that carries the retraining out
    ways      classes that every network tells apart, except plain classifiers; None: any number
    recipes   {role: settings of its training}
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        retrain: Path | None = None,
        roots=None,
        progress=True,
        executor=None,
        ways: int | None = None,
        recipes: dict[str, TrainingConfig] = RECIPES,
    ):
        self.folder = None if folder is None else Path(folder).expanduser()
        names = [file_name(role) for role in recipes]
        if self.folder is not None and not any(self._own(name) for name in names):
            raise ValueError(
                f"{self.folder}: no network of the experiments is in this folder; expected "
                f"checkpoints or run folders named {', '.join(names)}"
            )
        self.retrain = retrain
        self.roots = roots or {}
        self.progress = progress
        self.executor = executor
        self.ways = ways
        self.recipes = recipes
        self.found: dict[str, Checkpoint | None] = {}
        self.places: dict[str, Path] = {}

    def find(self, role: str) -> Checkpoint | None:
        """The checkpoint of a role; None where there is none anywhere."""
        if role not in self.found:
            self.found[role] = self._read(role)
        return self.found[role]

    def _read(self, role: str) -> Checkpoint | None:
        place = self._place(role)
        if place is None:
            return None
        network = read(place)
        dataset = role.split("/")[0]
        if network.origin.data not in (None, PYTHON, dataset):
            raise ValueError(
                f"{place}: the network learned from {network.origin.words()}; expected one of "
                f"{dataset}"
            )
        # a plain classifier tells all training classes apart
        if not role.endswith("/pretrained-snn") and self.ways not in (None, network.net.ways):
            raise ValueError(
                f"{place}: the network tells {network.net.ways} classes apart; expected one of "
                f"{self.ways}, as the others that it is compared with"
            )
        self.places[role] = place
        return network

    def describe(self, role: str) -> str:
        """Where a network that was found comes from, and how long it was trained."""
        network, progress = self.found[role], self.found[role].progress
        begun = network.config and network.config.start
        done, planned = (progress.get(name) for name in ("update", "updates"))
        parts = {
            f", {progress.get('tasks', 0):,} tasks": "tasks" in progress,
            f" from {Path(begun or '').name} on": begun,
            f", of {network.origin.words()}": network.origin.data == PYTHON,
            f" (training is not done: {done or 0:,} of {planned or 0:,} updates)": done != planned,
        }
        return self.places[role].name + "".join(words for words, holds in parts.items() if holds)

    def _own(self, name: str) -> Path | None:
        """The user's checkpoint or run folder of a name."""
        if self.folder is None:
            return None
        places = (self.folder / name, self.folder / name.removesuffix(".h5"))
        return next((place for place in places if place.exists()), None)

    def _place(self, role: str) -> Path | None:
        name = file_name(role)
        if own := self._own(name):
            return own
        if self.retrain is not None and role in self.recipes:
            return self._train(role, self.retrain / name.removesuffix(".h5"))
        return if_shipped(name)

    def _train(self, role: str, out: Path) -> Path:
        recipe = self.recipes[role]
        root = self.roots.get(recipe.dataset)
        real = root is not None and recipe.dataset != "written"  # whose strokes are drawn again
        config = replace(recipe, root=root, draws=0 if real else recipe.draws)
        for other in self.recipes:
            if recipe.start == file_name(other):
                config = replace(config, start=str(self._place(other)))
        how = dict(progress=self.progress, executor=self.executor)
        train(config, out, resume=(out / "config.json").exists(), **how)
        return out
