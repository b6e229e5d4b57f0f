"""One test episode in integers and in floating point, by turns in one process:

    python tests/benchmarks/chip_episode.py

CPU time of one thread, 5 support and 25 query samples through Table 1's network as it is shipped,
adaptation included.
"""

import time
from functools import partial
from statistics import median

import edge
import findings

from minisnn.hardware import one_shot

EPISODES = 12


def main() -> None:
    options = findings.command_line(__doc__).parse_args()
    given, chip, learner, tasks = edge.device("double_nmnist_maml.h5")
    ways = {
        "floats": lambda task: given.inner.logits(given.net, given.theta, task),
        "integers": lambda task: one_shot(chip, learner, task),
    }
    episodes = [tasks.episode(0, index, chip.ways, 1, 5) for index in range(EPISODES + 1)]
    calls = {name: lambda n, way=way: partial(way, episodes[n]) for name, way in ways.items()}
    spent = findings.by_turns(calls, EPISODES, time.process_time)
    a, b = map(median, spent.values())
    print(f"medians of {EPISODES}: floats {a:.3f} s, integers {b:.3f} s: {b / a:.2f} times as long")
    found = findings.Findings()
    found.add("floats", a, "s")
    found.add("integers", b, "s")
    found.add("ratio", b / a, "x")
    found.write(options.json)


if __name__ == "__main__":
    main()
