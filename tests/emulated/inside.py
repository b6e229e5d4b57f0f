"""What runs on the emulated processor, and on this one for comparison.

python inside.py PART OUT     writes OUT.json, and OUT.npz where the part has arrays
"""

import json
import platform
import sys
import time
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = TESTS / "golden"
sys.path += [str(TESTS), str(GOLDEN)]
# a MAML run that learns within fifty updates, of 33 % by chance
TRAINING = dict(
    channels=(4,),
    window=14,
    backend="numba",
    updates=50,
    queries=5,
    step_size=1.0,
    inner_steps=3,
    lr=0.01,
    init_readout="zero",
    evaluate_every=0,
    test_episodes=0,
)
EPISODES = 200


def facts() -> dict:
    """What LLVM says of the processor, and what the kernels make of it."""
    from minisnn.vectors.llvm import REGISTERS, VECTOR_BITS

    return dict(
        machine=platform.machine(),
        python=platform.python_version(),
        triple=llvm.get_process_triple(),
        cpu=llvm.get_host_cpu_name(),
        features=dict(llvm.get_host_cpu_features()),
        vector_bits=VECTOR_BITS,
        registers=REGISTERS,
    )


def _golden():
    """(name, network on the kernels, case, task) of the golden networks that are not random."""
    import networks

    import minisnn as ms

    for name, g in networks.cases().items():
        if not name.startswith("random"):
            parts = (g[name] for name in ("x_support", "y_support", "x_query", "y_query"))
            yield name, networks.network(g, "numba"), g, ms.Task(*parts)


def gradients(path: Path) -> dict:
    """Second-order meta-gradients and Hessian-vector products of the golden files' networks, and how
    far they are from the golden values; and whether one and two threads give the same bits."""
    import networks

    import minisnn as ms

    found: dict = {}
    arrays: dict = {}
    for name, net, g, task in _golden():
        of_threads = []
        for threads in (1, 2):
            ms.set_threads(threads)
            loop = networks.inner_loop(g, net, int(g["steps"]))
            meta = loop.meta_gradient(net, g["theta"], task).gradient
            hvp = net.hessian_vector_product(g["theta"], task.x_support, task.y_support, g["v"])
            of_threads.append((meta, hvp))
        (meta, hvp), others = of_threads
        same = all(np.array_equal(one, two) for one, two in zip((meta, hvp), others))
        arrays[f"{name}/meta"], arrays[f"{name}/hvp"] = meta, hvp
        off = [_off(net, meta, g["maml"]), _off(net, hvp, g["hvp"])]
        found[name] = dict(meta=off[0], hvp=off[1], same=bool(same))
        arrays[f"{name}/parts"] = np.array([part.slice.start for part in net.layout])
    np.savez(path.with_suffix(".npz"), **arrays)
    return found


def _off(net, found, expected) -> float:
    """The largest difference, relative to the largest number of its parameter array."""
    from differences import arrays_off

    return float(arrays_off(net, found, expected))


def training(out: Path) -> dict:
    """Accuracy of a run of fifty updates, float32, before and after adapting."""
    import minisnn as ms
    from toy import toy_config, toy_data

    start = time.process_time()
    run = ms.train(toy_config(**TRAINING), out, data=toy_data(), progress=False, force=True)
    test = dict(episodes=EPISODES, ways=3, queries=5, progress=False)
    found = ms.evaluate(run.net, run.theta, run.inner, toy_data()["test"], **test)
    return dict(
        before=found["accuracy_before"],
        after=found["accuracy_after"],
        seconds=time.process_time() - start,
    )


def main(part: str, out: str) -> None:
    """Run a part; its JSON is written last."""
    path = Path(out)
    parts = {
        "facts": facts,
        "gradients": lambda: gradients(path),
        "training": lambda: training(path.with_suffix(".run")),
    }
    text = json.dumps(parts[part](), indent=1)
    path.with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
