"""Convert trained networks to and from NIR, the interchange format of neuromorphic simulators and
chips (Pedersen et al. 2024, Nature Communications 15:8122). An exported network is a graph of NIR's
primitives with the equations of this library in steps of --dt. What NIR cannot say, such as learned
step sizes, is in its metadata, so export and import give the very same checkpoint. For a graph from
another tool, the command prints what the file does not say, and what was assumed."""

import argparse

from .. import outputs
from .options import add_input, add_output, find_checkpoint, in_a_line, refuse, to_train_from
from ..layers.lif import LIF

EXAMPLES = """\
examples:
  minisnn nir export runs/quick-1 quick.nir
  minisnn nir export double_nmnist_maml.h5 net.nir --steps exponential
  minisnn nir export double_nmnist_cuba.h5 net.nir --for spikingjelly
  minisnn nir import quick.nir quick.h5
  minisnn nir import theirs.nir mine.h5 --reset subtract     from snnTorch, its default reset
  minisnn evaluate --checkpoint quick.h5

--steps says how the simulator that will run the graph takes a step of dt: "euler" as snnTorch does (decay 1 - dt / tau), or
"exponential" (decay exp(-dt / tau)). A network of --neuron cuba is written as Conv2d, Affine and CubaLIF, which snnTorch, Norse
and SpikingJelly run with the same spikes; --for chooses the time step and the form that one of them asks for. No other tool is
known to run a network of lif: its reset fades, theirs is immediate.
A chain from another tool can be imported, too, with odd kernels, padding="same", any stride, 2 x 2 pooling or none, and loops
of Linear or Affine from a layer to itself; layers whose constants differ get neurons of their own.
NIR does not store reset_mechanism. For snnTorch's neurons,
--reset zero is right for Leaky(reset_mechanism="zero") and Synaptic(reset_mechanism="zero", reset_delay=False), and
--reset subtract for the default without biases. Any other reset becomes a different network.

Needs the library nir: pip install "minisnn[nir]". What NIR cannot say:
python -c "import minisnn.nir; help(minisnn.nir)"."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "direction", choices=("export", "import"), help="a checkpoint to a NIR file, or back"
    )
    add_input(
        parser,
        "source",
        metavar="FROM",
        help="export: checkpoint, run folder, or name of a shipped checkpoint; import: NIR file",
    )
    add_output(parser, "out", kind=_kind, metavar="TO", help="the file to write")
    parser.add_argument(
        "--dt",
        type=float,
        metavar="S",
        default=1e-3,
        help="seconds of a step (default: 0.001; import: the one of which every r is tau / dt, "
        "else 0.001)",
    )
    parser.add_argument(
        "--for",
        metavar="TOOL",
        choices=("snntorch", "norse", "spikingjelly"),
        help="the tool that will run a network of CubaLIF: its time step and its form; export alone",
    )
    parser.add_argument(
        "--steps",
        choices=("euler", "exponential"),
        default="euler",
        help="how the simulator takes a step (default: euler); a file that minisnn wrote says it "
        "itself",
    )
    parser.add_argument(
        "--reset",
        choices=("zero", "subtract"),
        help="import: whether a spike sets the membrane to zero, at once, or subtracts the "
        "threshold a step later (default: zero)",
    )
    parser.add_argument(
        "--readout",
        choices=("membrane",),
        help="import: membrane leaves out the threshold of last neurons that fire; logits are membranes "
        "at the last step",
    )


def _kind(args: argparse.Namespace) -> outputs.Kind:
    return outputs.NIR if args.direction == "export" else outputs.CHECKPOINT


def run(args: argparse.Namespace) -> None:
    tool = getattr(args, "for")
    if tool:
        refuse(args, f"beside --for {tool}, which sets it", "dt", "steps")
    refuse(
        args,
        f"in an {args.direction}",
        *(("for",) if args.direction == "import" else ("reset", "readout")),
    )
    from ..training.checkpoint import read, save
    from ..nir import TOOLS, export_nir, told_of_file, unsaid

    if args.direction == "export":
        found = read(find_checkpoint(args.source))
        found.check_usable(args.source)
        export_nir(
            args.out,
            found.net,
            found.theta,
            inner=found.inner,
            dt=args.dt,
            steps=args.steps,
            tool=tool,
        )
    else:
        given = {
            name: getattr(args, name)
            for name in ("dt", "steps", "reset", "readout")
            if name in args.given
        }
        found, told = told_of_file(args.source, **given)
        save(args.out, found.net, found.theta, inner=found.inner, provenance=found.provenance)
    print(
        f"{args.out}: {in_a_line(found.net)}" + ", with how it adapts" * (found.inner is not None)
    )
    if args.direction == "import":
        if told:
            print(f"{args.source} does not say everything; taken were:", *told, sep="\n  ")
        print(to_train_from(found.net, args.out))
        return
    sentences = unsaid(found.net, dt=args.dt, steps=args.steps, tool=tool)
    print(
        "NIR does not say everything; who runs it must know (minisnn reads it in the metadata):",
        *sentences,
        sep="\n  ",
    )
    if tool:
        print(
            f"logits: the membrane at the last step, {TOOLS[tool].membrane}, which never fires; "
            "the tool does not adapt"
        )
    elif isinstance(found.net.neuron, LIF):
        print(
            "no other tool is known to run this graph: their neurons have no reset that fades; "
            "minisnn nir import reads it"
        )
