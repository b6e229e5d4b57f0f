"""The meta-trained network learns in integers, as an edge chip would: one recording of each
class, one update, a few bits for each weight. Prints float against fixed point on the same
seeded test episodes. `--ranges` shows the values that every word can reach. `export` writes
a C header, .hex files and the C library that repeats inference and learning. `classes`
asks how many classes it holds apart. `train` meta-trains the network for weights of few bits."""

import argparse

from minisnn.commands import options

from .options import COMPARE, PARTS

EXAMPLES = """\
examples:
  minisnn hardware --episodes 100               float against 8, 4, 3 and 2 bits
  minisnn hardware --bits 4 --root ~/N-MNIST    4 bits, on real recordings
  minisnn hardware --ranges --episodes 10       interval analysis, saturations counted
  minisnn hardware export --bits 4 chip         C header, .hex, C library
  minisnn hardware export --for arduino chip    the same as an Arduino library
  minisnn hardware page teach.html              draw and teach in a browser
  minisnn hardware loihi --episodes 600 --words words.npz
                                                CubaLIF in a Loihi-style fixed-point model
  minisnn hardware classes --plot classes.svg   250 classes, at once and one by one
  minisnn hardware classes --ways 5,all --shots 1,5 --checkpoint runs/mine
                                                your own network's features
  minisnn hardware refuse --allowed 5           the threshold of "none of these"
  minisnn hardware metatrain --word-bits 16,8   learn to learn in integers
  minisnn hardware train --bits 2 --out runs/chip-2
                                                meta-train for 2 bits; --resume DIR continues"""
PLACES = {"export": {"folder": None}, "page": {"file": "page.html"}}  # arguments without a flag


def arguments(parser: argparse.ArgumentParser) -> None:
    """A parser a sub-command; where none is named it is `compare`.

    The namespace holds what was given and nothing else, so that a part sees it.
    """
    parts = parser.add_subparsers(
        dest="what", metavar="{" + ",".join(PARTS) + "}", title="what to do"
    )
    parser.usage = "%(prog)s [options] | %(prog)s PART [options of the part]"
    defaults = {}
    for name, (help, several) in PARTS.items():
        part = parts.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:],
            epilog=EXAMPLES,
            formatter_class=options.Help,
            allow_abbrev=False,
        )
        for add in several:
            add(part)
        defaults[name] = {**options.only_given(part), **PLACES.get(name, {})}
    for add in COMPARE:
        add(parser)
    options.only_given(parser)
    parser.set_defaults(defaults=defaults)


def run(args: argparse.Namespace) -> None:
    what = args.what or "compare"
    if args.what and args.line[args.line.index("hardware") + 1] != what:
        raise ValueError(f"options of {what} stand behind its name: minisnn hardware {what} …")
    given = {name: getattr(args, name) for name in sorted(args.given - {"what", "defaults"})}
    args = argparse.Namespace(**{**args.defaults[what], **given}, given=given)
    options.use_threads(getattr(args, "threads", None))
    from .work import CALLED  # NumPy, the kernels: help and refusals do without

    CALLED[what](args)
