"""Trained networks to and from NIR, the interchange format of neuromorphic simulators and chips (Pedersen et al. 2024, Nature
Communications 15:8122). An exported network is a graph of NIR's primitives whose equations are those of this library in steps
of --dt; what NIR cannot say, such as learned step sizes, travels in its metadata, so that export and import give the very
same checkpoint. An imported graph must have the form of an exported one."""

import argparse

from .. import outputs
from .options import add_input, add_output, find_checkpoint, in_a_line, refuse

SUMMARY = "networks to and from NIR, the interchange format"
EXAMPLES = """\
examples:
  minisnn nir export runs/quick-1 quick.nir
  minisnn nir export double_nmnist_maml.h5 net.nir --steps exponential
  minisnn nir export double_nmnist_cuba.h5 net.nir --for spikingjelly
  minisnn nir import quick.nir quick.h5
  minisnn evaluate --checkpoint quick.h5

--steps says how the simulator that will run the graph takes a step of dt: "euler" as snnTorch does (decay 1 - dt / tau), or
"exponential" (decay exp(-dt / tau)). A network of --neuron cuba is written as Conv2d, Affine and CubaLIF, which snnTorch, Norse
and SpikingJelly run with the same spikes; --for chooses the time step and the form that one of them asks for. A network of lif
no other tool is known to run: its reset fades, theirs is at once.
Needs the library nir: pip install "minisnn[nir]". What NIR cannot say:
python -c "import minisnn.nir; help(minisnn.nir)"."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("direction", choices=("export", "import"), help="a checkpoint to a NIR file, or back")
    text = "export: checkpoint, run folder, or name of a shipped checkpoint; import: NIR file"
    add_input(parser, "source", metavar="FROM", help=text)
    add_output(parser, "out", kind=_kind, metavar="TO", help="the file to write")
    parser.add_argument("--dt", type=float, metavar="S", default=1e-3, help="seconds of a step (default: 0.001)")
    text = "the tool that will run a network of CubaLIF: its time step and its form; export alone"
    parser.add_argument("--for", metavar="TOOL", choices=("snntorch", "norse", "spikingjelly"), help=text)
    text = "how the simulator takes a step (default: euler); a file that minisnn wrote says it itself"
    parser.add_argument("--steps", choices=("euler", "exponential"), default="euler", help=text)


def _kind(args: argparse.Namespace) -> outputs.Kind:
    return outputs.NIR if args.direction == "export" else outputs.CHECKPOINT


def run(args: argparse.Namespace) -> None:
    tool = getattr(args, "for")
    if tool:
        refuse(args, f"beside --for {tool}, which sets it", "dt", "steps")
    if args.direction == "import":
        refuse(args, "in an import", "for")
    from ..training.checkpoint import read, save
    from ..layers.neuron import LIF
    from ..nir import TOOLS, export_nir, import_nir

    if args.direction == "export":
        found = read(find_checkpoint(args.source))
        found.check_usable(args.source)
        export_nir(args.out, found.net, found.theta, inner=found.inner, dt=args.dt, steps=args.steps, tool=tool)
    else:
        given = {name: getattr(args, name) for name in ("dt", "steps") if name in args.given}
        found = import_nir(args.source, **given)
        save(args.out, found.net, found.theta, inner=found.inner, provenance=found.provenance)
    print(f"{args.out}: {in_a_line(found.net)}" + ", with how it adapts" * (found.inner is not None))
    if tool:
        print(f"logits: the membrane at the last step, {TOOLS[tool].membrane}, which never fires; the tool does not adapt")
    elif args.direction == "export" and isinstance(found.net.neuron, LIF):
        print(
            "no other tool is known to run this graph: a reset that fades is no neuron of theirs; minisnn nir import reads it"
        )
