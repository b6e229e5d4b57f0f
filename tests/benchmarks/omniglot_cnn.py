"""What the spikes cost on Omniglot: a CNN that learned from the same tasks, beside the network that ships.

    python tests/benchmarks/omniglot_cnn.py [--updates N] [--episodes N] [--out DIR]

The CNN has as many channels and weights as omniglot_random_cuba.h5, meta-trains by class means on
the same tasks (the same seed, the same draws of classes and drawings), and sees the same recordings as
pictures: the events of each cell, summed over time. Its learning rate, the factor on distances and the
variance of its first activations were chosen by validation on written characters. A stopped run
continues. Both are then tested on the same episodes, with as many looks at a recording, and compared
episode by episode.
"""

import sys
from dataclasses import replace
from pathlib import Path

import findings

import minisnn as ms
from minisnn.training.baselines import Adapted, with_ways
from minisnn import TrainingConfig

sys.path.append(str(Path(__file__).resolve().parents[2] / "data"))
from make_networks import RECIPES  # noqa: E402

NETWORK, ROLE = "omniglot_random_cuba.h5", "omniglot-random/cuba-snn"
CHOSEN = dict(lr=2e-3, scale=0.01, init_variance=1.0)
SPIKING = "neuron", "window", "alpha", "beta"  # what only spikes have


def settings(updates: int | None) -> TrainingConfig:
    """The recipe of the spiking network, of a CNN."""
    recipe = RECIPES[ROLE]
    usual = TrainingConfig()
    return replace(
        recipe,
        model="cnn",
        looks=1,  # at what validates; at what tests, as many as the other
        **CHOSEN,
        **{name: getattr(usual, name) for name in SPIKING},
        updates=updates or recipe.updates,
    )


def main() -> None:
    parser = findings.command_line(__doc__, episodes=600, out=Path("runs/omniglot-cnn"))
    parser.add_argument("--updates", type=int, help="default: those of the spiking network")
    args = parser.parse_args()
    ms.train(settings(args.updates), args.out, resume=(args.out / "config.json").exists())
    own = ms.read(NETWORK)
    peer = ms.read(args.out / "checkpoint.h5")
    name, _ = own.to_open(NETWORK, None, None)
    found = findings.Findings("tasks", "spiking", "CNN", "difference (points)")
    for ways in (5, 20):
        net, theta, inner = with_ways(own.net, own.theta, own.inner, ways)
        same = replace(peer.inner, looks=inner.looks)
        cnn = Adapted(*with_ways(peer.net, peer.theta, same, ways))
        row = ms.evaluate(
            net,
            theta,
            inner,
            name,
            episodes=args.episodes,
            beside=lambda _, cnn=cnn: {"CNN": cnn},
            how=own.origin.options(name),
        )
        other = row["rules"]["CNN"]
        names = [
            found.add(f"spiking-{ways}", row["accuracy_after"], "%", row["interval"]["half"]),
            found.add(f"cnn-{ways}", other["mean"], "%", other["interval"]["half"]),
            found.add(
                f"less-{ways}",
                other["less"][0],
                "points",
                other["less_interval"]["half"],
            ),
        ]
        found.row(f"{ways}-way 1-shot", *names)
        print(f"{ways}-way: {100 * row['accuracy_after']:.1f} %, CNN {100 * other['mean']:.1f} %")
    found.write(args.json)


if __name__ == "__main__":
    main()
