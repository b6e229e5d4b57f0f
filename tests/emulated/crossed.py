"""The kernels for aarch64, compiled by numba on x86-64: the same machine code as numba makes in the
emulator, twenty-five times sooner.

    PYTHONPATH=… python crossed.py DTYPE …
"""

import json
import platform
import sys
import time
from pathlib import Path

import llvmlite.binding as llvm

sys.path.append(str(Path(__file__).resolve().parents[1] / "golden"))


def take(facts: dict) -> None:
    """From now on llvmlite and numba hold this for the machine that told `facts`: kernels are
    compiled for it, and none can be called."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    platform.machine = lambda: facts["machine"]
    llvm.get_process_triple = llvm.get_default_triple = lambda: facts["triple"]
    llvm.get_host_cpu_name = lambda: facts["cpu"]
    llvm.get_host_cpu_features = lambda: llvm.targets.FeatureMap(facts["features"])
    llvm.Target.from_default_triple = classmethod(lambda kind: kind.from_triple(facts["triple"]))


def networks(dtype: str):
    """Networks whose kernels are all that the tests use in this dtype."""
    import minisnn as ms

    for neuron in (ms.LIF(), ms.CubaLIF()):
        for pool in ("max", "mean"):
            for more in (dict(channels=(2,)), dict(channels=(2,), hidden=(3,))):
                made = dict(ways=2, window=5, dtype=dtype, neuron=neuron, pool=pool, **more)
                yield ms.SpikingNet((8, 8, 2), **made)
    if dtype == "float64":
        import networks

        for name, case in networks.cases().items():
            if name.startswith("layers"):
                yield networks.network(case, "numba")


def main(facts: str, *dtypes: str) -> None:
    """Compile and keep the kernels of these dtypes."""
    take(json.loads(Path(facts).read_text(encoding="utf-8")))
    from minisnn.meta.beforehand import needed

    start = time.process_time()
    number = 0
    for dtype in dtypes:
        for net in networks(dtype):
            for kernel, kinds in needed(net):
                if kinds not in kernel.overloads:
                    kernel.compile(kinds)
                    number += 1
                    print(kernel.py_func.__qualname__, flush=True)
    print(f"{number} kernels in {time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
