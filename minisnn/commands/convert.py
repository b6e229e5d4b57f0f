"""Convert a network of the paper's neuron (lif) to and from snnTorch, where the two are the same:
as a state dictionary in an .npz file, with the code of the module that loads it. The network
needs gamma = alpha, firing threshold = rho (1 - alpha), max pooling, no bias, and layers that
are all alike and not recurrent. Spikes are the same, two steps later in each layer. Use minisnn
nir for networks of --neuron cuba, which snnTorch, Norse and SpikingJelly can run."""

import argparse

from .. import outputs
from . import options

EXAMPLES = """\
examples:
  minisnn convert snntorch mine.npz mine.h5 --input 16,32,2    from snnTorch; says how to meta-train it
  minisnn convert snntorch mine.h5 back.npz                    and back, with the module's code

In Python, from snnTorch:   np.savez("mine.npz", **{k: v.numpy() for k, v in module.state_dict().items()})
and back:                   module.load_state_dict({k: torch.tensor(v) for k, v in np.load("back.npz").items()}, strict=False)

The module is a Sequential of Conv2d(padding="same"), Synaptic and MaxPool2d(2), then Flatten, Linear and Synaptic, all
bias=False and reset_mechanism="subtract". What is exact: python -c "import minisnn.nir.snntorch as s; help(s)"."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tool", choices=("snntorch",), help="the other tool")
    options.add_input(
        parser,
        "source",
        metavar="FROM",
        help="an .npz of a state dictionary; or checkpoint, run folder, shipped name",
    )
    options.add_output(
        parser, "out", kind=_kind, metavar="TO", help="the file to write: a checkpoint, or an .npz"
    )
    options.add_list(
        parser,
        "input",
        None,
        "shape of an input, which a state dictionary does not contain",
        "H,W,C",
    )
    parser.add_argument(
        "--window", type=int, metavar="N", help="steps that are differentiated (default: 30)"
    )


def _kind(args: argparse.Namespace) -> outputs.Kind:
    return outputs.CHECKPOINT if args.source.endswith(".npz") else outputs.STATE


def run(args: argparse.Namespace) -> None:
    there = args.source.endswith(".npz")
    if (args.out.suffix == ".npz") == there:
        raise ValueError(
            "expected one .npz file: FROM, to read a state dictionary, or TO, to write one"
        )
    if there and args.input is None:
        raise ValueError(
            "a state dictionary does not say how large an image is; expected --input H,W,C"
        )
    if not there:
        options.refuse(args, "where a state dictionary is written", "input", "window")
    from ..nir import told
    from ..nir.snntorch import (
        ASSUMED,
        definition,
        from_state_dict,
        read_state_dict,
        to_state_dict,
        write_state_dict,
    )
    from ..training.checkpoint import read, save

    if there:
        given = {} if args.window is None else {"window": args.window}
        net, theta = from_state_dict(read_state_dict(args.source), args.input, **given)
        save(args.out, net, theta)
        print(f"{args.out}: {options.in_a_line(net)}")
        print(
            "a state dictionary does not say everything; taken were:",
            *ASSUMED,
            told.training(net),
            sep="\n  ",
        )
        print(options.to_train_from(net, args.out))
        return
    found = read(options.find_checkpoint(args.source))
    found.check_usable(args.source)
    write_state_dict(args.out, to_state_dict(found.net, found.theta))
    print(f"{args.out} is the state dictionary of\n\n{definition(found.net)}\n")
    print(
        "its spikes come two steps earlier a layer; the logits of T steps are mem of the last "
        f"Synaptic after T - {2 * len(found.net.blocks)} frames"
    )
    print(
        "a state dictionary does not say everything; meant are:",
        *ASSUMED,
        told.training(found.net),
        sep="\n  ",
    )
