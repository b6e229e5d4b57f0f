"""Convert trained networks of CubaLIF to and from NIR, the interchange format of
neuromorphic simulators and chips (Pedersen et al. 2024, Nature Communications
15:8122). snnTorch, Norse and SpikingJelly run an exported network with the same
spikes. What NIR cannot say, such as learned step sizes, is in its metadata, so
export and import give the very same checkpoint. For a graph from another tool,
the command prints what the file does not say, and what was assumed.

examples:
  minisnn nir export double_nmnist_cuba.h5 net.nir --for spikingjelly
  minisnn nir import net.nir net.h5
  minisnn nir import theirs.nir mine.h5 --reset subtract   from snnTorch
  minisnn nir import theirs.nir mine.h5 --dt 1e-6          from Norse 1.1.0
  minisnn evaluate --checkpoint net.h5

Needs the library nir: pip install "minisnn[nir]"; what NIR cannot say:
python -c "import minisnn.nir; help(minisnn.nir)".
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from .. import outputs
from .options import CHECKPOINT, Force, idle, in_a_line


def export(
    source: Annotated[Path, CHECKPOINT],
    out: Annotated[Path, "the NIR file to write", outputs.FILE],
    /,
    for_: Annotated[
        Literal["snntorch", "norse", "spikingjelly"] | None,
        "the tool that will run the network, its time step and its form",
    ] = None,
    dt: Annotated[float | None, "seconds of a step (default: 0.001)"] = None,
    force: Force = False,
) -> None:
    """Convert a checkpoint to a NIR file.

    --for chooses the time step and the form that a tool needs. No other tool
    has a neuron like lif, whose reset fades: train with --neuron cuba.

    examples:
      minisnn nir export double_nmnist_cuba.h5 net.nir --for spikingjelly
    """
    from ..nir import export_nir, unsaid
    from ..training.checkpoint import read

    if for_ is not None:
        idle(f"with --for {for_}, which sets it", dt=dt)
    found = read(source)
    found.check_usable(source)
    step = 1e-3 if dt is None or for_ is not None else dt
    net: Any = found.net  # `export_nir` raises for what NIR cannot express
    export_nir(out, net, found.theta, inner=found.inner, dt=step, tool=for_)
    sentences = unsaid(net, dt=step, tool=for_)
    _report(out, found, "NIR cannot store everything; its users must know", sentences)


def import_(
    source: Annotated[Path, "a NIR file"],
    out: Annotated[Path, "the checkpoint to write", outputs.FILE],
    /,
    dt: Annotated[
        float | None,
        "seconds of a step; needed where the file does not say it by r = tau / dt",
    ] = None,
    reset: Annotated[
        Literal["zero", "subtract"] | None,
        "whether a spike immediately sets the membrane to zero, or subtracts the threshold a "
        "step later (default: zero)",
    ] = None,
    readout: Annotated[
        Literal["membrane"] | None,
        "membrane leaves out the threshold of last neurons that fire; logits are membranes at the "
        "last step",
    ] = None,
    force: Force = False,
) -> None:
    """Convert a NIR file to a checkpoint.

    A chain from another tool can be imported, too, with odd kernels,
    padding="same", any stride, 2 x 2 pooling or none, and loops of Linear or Affine
    from a layer to itself; layers whose constants differ get separate neurons.

    NIR does not store reset_mechanism. For snnTorch's neurons, --reset zero is
    right for Leaky(reset_mechanism="zero") and Synaptic(reset_mechanism="zero",
    reset_delay=False), and --reset subtract for the default without biases. Any
    other reset becomes a different network. Norse 1.1.0 writes time constants
    times dt: give --dt 1e-6.

    examples:
      minisnn nir import theirs.nir mine.h5 --reset subtract
    """
    from ..nir import read_file
    from ..training.checkpoint import save

    given = dict(dt=dt, reset=reset, readout=readout)
    found = read_file(source, **{name: value for name, value in given.items() if value is not None})
    save(out, found.net, found.theta, inner=found.inner, provenance=found.provenance)
    sentences = found.provenance.get("not said by the graph", [])
    _report(out, found, f"{source} does not say everything; assumed", sentences)
    guide = "lessons/guides/interchange.md"
    print(f"to continue training, give --start {out} and its settings: {guide}")


def _report(out: Path, found: Any, title: str, sentences: list[str]) -> None:
    with_inner = ", with how it adapts" if found.inner is not None else ""
    print(f"{out}: {in_a_line(found.net)}{with_inner}")
    if sentences:
        print(f"{title}:", *sentences, sep="\n  ")


nir = {"export": export, "import": import_}
