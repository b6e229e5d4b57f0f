"""Convert trained networks of CubaLIF to and from NIR, the interchange format of neuromorphic
simulators and chips (Pedersen et al. 2024, Nature Communications 15:8122). snnTorch, Norse and
SpikingJelly run an exported network with the same spikes. What NIR cannot say, such as learned step
sizes, is in its metadata, so export and import give the very same checkpoint. For a graph from another
tool, the command prints what the file does not say, and what was assumed."""

import argparse

from .. import outputs
from .options import add_input, add_output, find_checkpoint, in_a_line, refuse

EXAMPLES = """\
examples:
  minisnn nir export double_nmnist_cuba.h5 net.nir --for spikingjelly
  minisnn nir import net.nir net.h5
  minisnn nir import theirs.nir mine.h5 --reset subtract     from snnTorch, its default reset
  minisnn nir import theirs.nir mine.h5 --dt 1e-6            from Norse 1.1.0, which writes time constants times dt
  minisnn evaluate --checkpoint net.h5

--for chooses the time step and the form that one tool asks for. No other tool has a neuron like lif, whose reset fades: train
with --neuron cuba.
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
        help="seconds of a step (export: 0.001 unless given; import: needed where the file does not "
        "say it by r = tau / dt)",
    )
    parser.add_argument(
        "--for",
        metavar="TOOL",
        choices=("snntorch", "norse", "spikingjelly"),
        help="export: the tool that will run the network, its time step and its form",
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
    from ..nir import export_nir, read_file, unsaid
    from ..training.checkpoint import read, save

    exports = args.direction == "export"
    tool = getattr(args, "for")
    refuse(args, f"in an {args.direction}", *(("reset", "readout") if exports else ("for",)))
    if tool:
        refuse(args, f"with --for {tool}, which sets it", "dt")
    if exports:
        found = read(find_checkpoint(args.source))
        found.check_usable(args.source)
        export_nir(args.out, found.net, found.theta, inner=found.inner, dt=args.dt, tool=tool)
        sentences = unsaid(found.net, dt=args.dt, tool=tool)
        title = "NIR does not say everything; who runs it must know"
    else:
        names = [name for name in ("dt", "reset", "readout") if name in args.given]
        found = read_file(args.source, **{name: getattr(args, name) for name in names})
        save(args.out, found.net, found.theta, inner=found.inner, provenance=found.provenance)
        sentences = found.provenance.get("not said by the graph", [])
        title = f"{args.source} does not say everything; taken were"
    with_inner = ", with how it adapts" if found.inner is not None else ""
    print(f"{args.out}: {in_a_line(found.net)}{with_inner}")
    if sentences:
        print(f"{title}:", *sentences, sep="\n  ")
    if not exports:
        print(
            f"to train it on give --start {args.out} and its settings: lessons/guides/interchange.md"
        )
