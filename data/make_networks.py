"""Train the networks of this folder, by RECIPES, and keep what adapting needs.

    python data/make_networks.py RUNS [ROLE ...] [--root SET=DIR]

RUNS is the folder of the training runs, each of which can be resumed.

Without a ROLE all are made, which takes hours. A run folder RUNS/<name of the file without .h5>
that is there already goes on, and is used as it is where it is done. Written are weights, step
sizes, settings, curve and progress; the optimiser's state stays in the run folder. Of the curve the
rows stay that were validated. Networks that others only start from (double-nmnist/first-cnn, for
one) stay in RUNS, and are made where others ask for them.
"""

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

import minisnn as ms
from minisnn.meta.discriminants import rounded
from minisnn.experiments.networks import file_name
from minisnn.training.presets import preset
from minisnn.training.settings import TrainingConfig

WIDE = dict(channels=(32, 64, 128))  # Table 1's
_SNN = replace(
    preset("maml"),
    **WIDE,
    step_size=4.0,
    queries=10,
    updates=9000,
    evaluate_every=1000,
    evaluate_episodes=40,
    test_episodes=600,
)
_OF_CNN = dict(model="cnn", step_size=0.02, init_variance=9.0)
_PLAIN = dict(rule="classify", learn_step_size="no", queries=32, updates=2000, lr=1e-3, clip=None)
_ASL = replace(
    _SNN,
    dataset="double-asl",
    channels=(16, 32, 64),
    queries=5,
    updates=3000,
    evaluate_every=500,
    test_episodes=100,
)
MEANS = dict(
    rule="prototypes",
    learn_step_size="no",
    train_ways=20,
    train_queries=2,
    draws=3,
    evaluate_episodes=40,
)
RECIPES: dict[str, TrainingConfig] = {
    "double-nmnist/maml-snn": _SNN,
    "double-nmnist/fomaml-snn": replace(_SNN, order=1, step_size=1.0),
    "double-nmnist/maml-cnn": replace(
        _SNN,
        **_OF_CNN,
        tasks=2,
        queries=5,
        updates=10000,
        evaluate_episodes=100,
        checkpoint_every=500,
    ),
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
        _ASL,
        start="double_asl_first.h5",
        updates=2000,
        lr=1e-3,
        seed=1,
        evaluate_every=250,
        evaluate_episodes=100,
        test_episodes=600,
    ),
    "double-asl/fomaml-snn": replace(_ASL, order=1, step_size=1.0, updates=5000),
    "double-asl/maml-cnn": replace(_ASL, **WIDE, **_OF_CNN),
}

_TAKES = replace(
    preset("maml"),
    dataset="double-asl-same-take",
    queries=5,
    evaluate_episodes=40,
    test_episodes=600,
)
_CNN_MEANS = replace(
    preset("maml"),
    **WIDE,
    **{**MEANS, "draws": 0, "evaluate_episodes": 100},
    model="cnn",
    test_episodes=600,
)
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
    replace(preset("maml"), **{**MEANS, "draws": 0, "evaluate_episodes": 60}, **_PIXELS),
    evaluate_every=300,
    test_episodes=100,
)
_PEN = replace(
    replace(preset("maml"), **WIDE, **{**MEANS, "evaluate_episodes": 100}),
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
    replace(preset("maml"), **WIDE, **{**MEANS, "draws": 0}),
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
RECIPES |= {
    "double-nmnist/first-cnn": replace(
        _CNN_MEANS, draws=3, init_variance=9.0, updates=5000, lr=2e-3, evaluate_every=500
    ),
    "double-nmnist/prototypes-cnn": replace(
        _CNN_MEANS, start="double_nmnist_first_cnn.h5", updates=1500, lr=5e-4, seed=1
    ),
    "double-nmnist/fast-snn": replace(preset("paper-fast"), test_episodes=0),
    "double-nmnist/first-cuba": replace(preset("maml"), **WIDE, **MEANS, **_CUBA, updates=3000),
    "double-nmnist/cuba-snn": replace(
        preset("maml"),
        **WIDE,
        **_HELD,
        **_ONLINE,
        neuron="cuba",
        start="double_nmnist_first_cuba.h5",
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
        **{**MEANS, "draws": 0, "evaluate_episodes": 60},
        updates=1500,
        lr=3e-3,
        evaluate_every=300,
    ),
    "double-asl-same-take/proto-snn": replace(
        _TAKES,
        start="double_asl_same_take_prototypes.h5",
        rule="proto-maml",
        step_size=1.0,
        evaluate_episodes=60,
        updates=200,
        lr=5e-4,
        seed=1,
        evaluate_every=100,
    ),
    "double-asl-same-take/maml-snn": replace(
        _TAKES,
        start="double_asl_same_take_prototypes.h5",
        zero_readout=True,
        inner_steps=5,
        step_size=0.025,
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
}
RECIPES |= {  # as these were made
    role: replace(one, init_tasks=4) for role, one in RECIPES.items() if one.start is None
}
COARSE = (  # weights keep 11 bits of their mantissa, which takes half the place in a file
    "double-nmnist/cuba-snn",
    "double-nmnist/fomaml-snn",
    "double-nmnist/moved-snn",
    "double-nmnist/pretrained-snn",
    "omniglot-background/wide-snn",
    "omniglot-background/maml-snn",
    "omniglot-background/maml-steps-snn",
    "omniglot-random/cuba-snn",
    "written/pen-snn",
    "written/order-snn",
    "double-nmnist/prototypes-cnn",
    "double-nmnist/maml-cnn",
    "double-asl/maml-cnn",
    "double-asl/maml-snn",
)
START = "omniglot-background/cuba-snn"  # the files that began with it hold this name


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", metavar="RUNS", type=Path)
    parser.add_argument("roles", metavar="ROLE", nargs="*")
    parser.add_argument("--root", metavar="SET=DIR", action="append", default=[])
    args = parser.parse_args()
    roots = dict(one.split("=", 1) for one in args.root)
    ship = [role for role in RECIPES if "/first-" not in role and role != START]
    for role in args.roles or ship:
        found = ms.read(made(role, args.runs, roots))
        path = Path(__file__).with_name(file_name(role))
        ms.save(
            path,
            found.net,
            rounded(found.theta) if role in COARSE else found.theta,
            inner=found.inner,
            config=replace(found.config, start=RECIPES[role].start, root=None),
            curve=kept(found.curve),
            progress=found.progress,
            provenance=found.provenance | {"origin": asdict(replace(found.origin, root=None))},
        )
        print(f"{path.name}: {found.progress['tasks']:,} tasks")


def kept(curve: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The rows of a curve that were validated, and its last; the others would take a tenth of the file."""
    rows = np.isfinite(curve["validation"])
    rows[-1:] = True
    return {name: column[rows] for name, column in curve.items()}


def made(role: str, runs: Path, roots: dict[str, str]) -> Path:
    """The run folder of a role, trained by its recipe; where it is there it goes on, and is used as
    it is where it is done. A network that it starts from is made before."""
    out, config = runs / file_name(role).removesuffix(".h5"), RECIPES[role]
    root = roots.get(config.dataset)
    real = root is not None and config.dataset != "written"  # whose strokes are drawn again
    config = replace(config, root=root, draws=0 if real else config.draws)
    for other in RECIPES:
        if config.start == file_name(other):
            config = replace(config, start=str(made(other, runs, roots)))
    ms.train(config, out, resume=(out / "config.json").exists())
    return out


if __name__ == "__main__":
    main()
