"""One test episode in integers and in floating point, by turns in one process: python
tests/benchmarks/chip_episode.py

CPU time of one thread, 5 support and 25 query samples through Table 1's network as it is shipped,
adaptation included.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

import minisnn as ms
from minisnn.hardware import IntegerNet, one_shot
from minisnn.data.store.shipped import shipped
from minisnn.experiments.findings import figure
from minisnn.data.sets.named import open_set

EPISODES = 12


def main(out: str | None) -> None:
    ms.set_threads(1)
    stored = ms.read(shipped("double_nmnist_maml.h5"))
    net, theta, chip = stored.net, stored.theta, IntegerNet.of(stored)

    def in_floats(task):
        return stored.inner.logits(net, theta, task)

    def in_integers(task):
        return one_shot(chip, chip.learner(), task)

    tasks = open_set("double-nmnist", "test", progress=False)
    seconds = {in_floats: [], in_integers: []}
    for index in range(-1, EPISODES):  # the first one compiles
        task = tasks.episode(0, max(index, 0), net.ways, 1, 5)
        for way, found in seconds.items():
            began = time.process_time()
            way(task)
            if index >= 0:
                found.append(time.process_time() - began)
    a, b = (float(np.median(found)) for found in seconds.values())
    print(
        f"an episode, medians of {EPISODES}: floats {a:.3f} s, integers {b:.3f} s: {b / a:.2f} "
        "times as long"
    )

    if out:
        figures = dict(floats=figure(a, "s"), integers=figure(b, "s"), ratio=figure(b / a, "x"))
        Path(out).write_text(json.dumps(dict(figures=figures)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--json", metavar="OUT", help="write the figures, as records of results have them"
    )
    main(parser.parse_args().json)
