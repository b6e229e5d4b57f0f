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

_WIDE = dict(channels=(32, 64, 128))  # Table 1's
_LONG = dict(evaluate_every=1000, evaluate_episodes=40, test_episodes=600)
_SNN = replace(preset("maml"), **_WIDE, **_LONG, step_size=4.0, queries=10, updates=9000)
_OF_CNN = dict(model="cnn", step_size=0.02, init_variance=9.0)
_PLAIN = dict(rule="classify", learn_step_size="no", queries=32, updates=2000, lr=1e-3, clip=None)
_SHORT = dict(evaluate_every=500, test_episodes=100)
_ASL = replace(_SNN, dataset="double-asl", channels=(16, 32, 64), queries=5, updates=3000, **_SHORT)
_MORE = dict(start="double_asl_first.h5", updates=2000, lr=1e-3, seed=1)
_TAKES = replace(
    preset("maml"),
    dataset="double-asl-same-take",
    queries=5,
    evaluate_episodes=40,
    test_episodes=600,
)
_MEANS = dict(
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
_CNN_MEANS = replace(
    preset("maml"),
    **_WIDE,
    **{**_MEANS, "draws": 0, "evaluate_episodes": 100},
    model="cnn",
    test_episodes=600,
)
# constants that other tools' float32 holds: `minisnn.nir`
_HELD = dict(alpha=15 / 16, beta=7 / 8, gain=8.0, firing_threshold=0.5 + 2.0**-40)
_CUBA = dict(
    neuron="cuba", firing_threshold=0.5, scale=0.3, lr=2e-3, evaluate_every=250, test_episodes=600
)
_ONLINE = dict(
    rule="online",
    learn_step_size="no",
    step_size=2.0**-11,
    train_ways=20,
    train_queries=1,
    draws=3,
    scale=128.0,
)
_PIXELS = dict(dataset="omniglot", size=(32, 32), bin_ms=3.0, align=True, window=50)
_FINE = replace(
    replace(preset("maml"), **{**_MEANS, "draws": 0, "evaluate_episodes": 60}, **_PIXELS),
    evaluate_every=300,
    test_episodes=100,
)
# few steps: a layer passes a spike on within one, where LIF's traces take two
_PEN = replace(
    replace(preset("maml"), **_WIDE, **{**_MEANS, "evaluate_episodes": 100}),
    dataset="written",
    size=(28, 28),
    bin_ms=50.0,
    neuron="cuba",
    window=8,
    alpha=0.7,
    beta=0.4,
    looks=9,
    updates=3000,
    lr=3e-3,
    evaluate_every=250,
    test_episodes=0,
)
_SIX = replace(  # Omniglot in six steps
    replace(preset("maml"), **_WIDE, **{**_MEANS, "draws": 0}),
    **{**_PIXELS, "bin_ms": 50.0, "window": 6},
    duration_ms=300.0,
    neuron="cuba",
    alpha=0.7,
    beta=0.4,
    lr=3e-3,
    evaluate_every=500,
    test_episodes=0,
)
_ALL = dict(dataset="omniglot-background", evaluate_every=0)  # nothing is left to validate
_MANY = replace(_SIX, train_ways=40, train_queries=1, evaluate_episodes=100, looks=5, updates=5000)
_WIDER = replace(replace(_MANY, **_ALL, channels=(32, 64, 240)), updates=12000, distort=1.0)
_LONGER = replace(_WIDER, updates=14000, lr=2e-3)
_BACKGROUND_MAML = replace(
    replace(_SIX, **_ALL, start="omniglot_background_cuba.h5", rule="maml"),
    zero_readout=True,
    queries=5,
    train_ways=0,
    train_queries=0,
    seed=2,
)
RECIPES: dict[str, TrainingConfig] = {
    "double-nmnist/maml-snn": _SNN,
    "double-nmnist/fomaml-snn": replace(_SNN, order=1, step_size=1.0),
    "double-nmnist/first-cnn": replace(
        _CNN_MEANS, draws=3, init_variance=9.0, updates=5000, lr=2e-3, evaluate_every=500
    ),
    "double-nmnist/prototypes-cnn": replace(
        _CNN_MEANS, start="double_nmnist_first_cnn.h5", updates=1500, lr=5e-4, seed=1
    ),
    "double-nmnist/maml-cnn": _CNN,
    "double-nmnist/pretrained-snn": replace(
        preset("maml"),
        **_WIDE,
        **_PLAIN,
        evaluate_every=500,
        evaluate_episodes=10,
        test_episodes=50,
    ),
    "double-nmnist/moved-snn": replace(preset("maml"), **_WIDE, **_MEANS, updates=2500),
    "double-nmnist/fast-snn": replace(preset("paper-fast"), test_episodes=0),
    "double-nmnist/first-cuba": replace(preset("maml"), **_WIDE, **_MEANS, **_CUBA, updates=3000),
    "double-nmnist/cuba-snn": replace(
        replace(
            preset("maml"),
            **_WIDE,
            **_HELD,
            **_ONLINE,
            neuron="cuba",
            start="double_nmnist_first_cuba.h5",
        ),
        updates=200,
        lr=5e-4,
        evaluate_every=50,
        evaluate_episodes=40,
        test_episodes=600,
    ),
    "omniglot/first-fine-snn": replace(_FINE, updates=2400, lr=3e-3),
    "omniglot/fine-snn": replace(
        _FINE, start="omniglot_first_fine.h5", updates=1200, lr=1.5e-3, seed=1
    ),
    "omniglot/first-cuba-snn": replace(_SIX, evaluate_episodes=60, updates=4000),
    "omniglot/first-long-cuba-snn": replace(
        _MANY, start="omniglot_first_cuba.h5", lr=2.5e-3, seed=3
    ),
    "omniglot-background/cuba-snn": replace(
        replace(_MANY, **_ALL, start="omniglot_first_long_cuba.h5", lr=2.5e-3),
        distort=1.0,
        seed=5,
    ),
    "omniglot-background/first-wide-snn": _WIDER,
    "omniglot-background/first-long-wide-snn": replace(
        _LONGER, start="omniglot_background_first_wide.h5", seed=1
    ),
    "omniglot-background/wide-snn": replace(
        _LONGER, start="omniglot_background_first_long_wide.h5", seed=2, axes=96
    ),
    "omniglot-background/maml-snn": replace(
        _BACKGROUND_MAML, learn_step_size="array", step_size=0.1, lr=1.5e-3, updates=1200
    ),
    "omniglot-background/maml-steps-snn": replace(
        _BACKGROUND_MAML, inner_steps=5, step_size=0.012, distort=1.0, lr=1e-4, updates=300
    ),
    "omniglot-random/cuba-snn": replace(_MANY, dataset="omniglot-random"),
    "double-asl-same-take/prototypes-snn": replace(
        _TAKES,
        **{**_MEANS, "draws": 0, "evaluate_episodes": 60},
        updates=1500,
        lr=3e-3,
        evaluate_every=300,
    ),
    "double-asl-same-take/proto-snn": replace(
        replace(
            _TAKES,
            start="double_asl_same_take_prototypes.h5",
            rule="proto-maml",
            step_size=1.0,
            evaluate_episodes=60,
        ),
        updates=200,
        lr=5e-4,
        seed=1,
        evaluate_every=100,
    ),
    "double-asl-same-take/maml-snn": replace(
        replace(
            _TAKES,
            start="double_asl_same_take_prototypes.h5",
            zero_readout=True,
            inner_steps=5,
            step_size=0.025,
        ),
        learn_step_size="no",
        updates=200,
        lr=2e-4,
        seed=1,
        evaluate_every=100,
        evaluate_episodes=60,
    ),
    "written/first-pen-snn": _PEN,
    "written/first-long-pen-snn": replace(
        _PEN, start="written_first_pen.h5", updates=5000, lr=2.5e-3, seed=1
    ),
    "written/pen-snn": replace(
        _PEN, start="written_first_long_pen.h5", updates=5000, seed=2, draws=6
    ),
    "written/order-snn": replace(
        _PEN,
        strokes=("order",),
        size=(),
        train_ways=8,
        channels=(16, 32, 64),
        bin_ms=12.5,
        window=32,
        alpha=0.8,
        beta=0.5,
        readings=32,
        looks=1,
        updates=750,
    ),
    "double-asl/first-snn": _ASL,
    "double-asl/maml-snn": replace(
        _ASL, **_MORE, evaluate_every=250, evaluate_episodes=100, test_episodes=600
    ),
    "double-asl/fomaml-snn": replace(_ASL, order=1, step_size=1.0, updates=5000),
    "double-asl/maml-cnn": replace(_ASL, **_WIDE, **_OF_CNN),
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
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        retrain: Path | None = None,
        roots=None,
        progress=True,
        executor=None,
        ways: int | None = None,
    ):
        self.folder = None if folder is None else Path(folder).expanduser()
        names = [file_name(role) for role in RECIPES]
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
        self.found: dict[str, Checkpoint | None] = {}
        self.places: dict[str, Path] = {}

    def find(self, role: str) -> Checkpoint | None:
        """The checkpoint of a role; None where there is none anywhere."""
        if role in self.found:
            return self.found[role]
        place = self._place(role)
        if place is None:
            self.found[role] = None
            return None
        network = read(place)
        dataset = role.split("/")[0]
        if network.origin.data not in (None, PYTHON, dataset):
            raise ValueError(
                f"{place}: the network learned from {network.origin.words()}; expected one of "
                f"{dataset}"
            )
        # a plain classifier tells all training classes apart
        ways = None if role.endswith("/pretrained-snn") else self.ways
        if ways not in (None, network.net.ways):
            raise ValueError(
                f"{place}: the network tells {network.net.ways} classes apart; expected one of "
                f"{ways}, as the others that it is compared with"
            )
        self.found[role] = network
        self.places[role] = place
        return network

    def describe(self, role: str) -> str:
        """Where a network that was found comes from, and how long it was trained."""
        network = self.found[role]
        words = self.places[role].name
        if "tasks" in network.progress:
            words += f", {network.progress['tasks']:,} tasks"
        if network.config is not None and network.config.start is not None:
            words += f" from {Path(network.config.start).name} on"
        if network.origin.data == PYTHON:
            words += f", of {network.origin.words()}"
        done, planned = (network.progress.get(name) for name in ("update", "updates"))
        if done != planned:
            words += f" (training is not done: {done:,} of {planned:,} updates)"
        return words

    def _own(self, name: str) -> Path | None:
        """The user's checkpoint or run folder of a name."""
        if self.folder is None:
            return None
        places = (self.folder / name, self.folder / name.removesuffix(".h5"))
        return next((place for place in places if place.exists()), None)

    def _place(self, role: str) -> Path | None:
        name = file_name(role)
        if (own := self._own(name)) is not None:
            return own
        if self.retrain is not None and role in RECIPES:
            return self._train(role, self.retrain / name.removesuffix(".h5"))
        return if_shipped(name)

    def _train(self, role: str, out: Path) -> Path:
        recipe = RECIPES[role]
        root = self.roots.get(recipe.dataset)
        real = root is not None and recipe.dataset != "written"  # whose strokes are drawn again
        config = replace(recipe, root=root, draws=0 if real else recipe.draws)
        for other in RECIPES:
            if recipe.start == file_name(other):
                config = replace(config, start=str(self._place(other)))
        train(
            config,
            out,
            resume=(out / "config.json").exists(),
            progress=self.progress,
            executor=self.executor,
        )
        return out
