"""What the parts of `minisnn hardware` do: imported when one is called, with all that it needs."""

import argparse
from pathlib import Path
from typing import Any

from minisnn import outputs
from minisnn.commands import options
from minisnn.commands.studies import OUT, check_place, study_maker, write
from minisnn.files import write_json, write_whole
from minisnn.core.neuron import CubaLIF
from minisnn import plots
from minisnn.meta.inner import InnerLoop
from minisnn.parallel.executor import Executor
from minisnn.plots.lines import plot_lines
from minisnn.training.checkpoint import Checkpoint, read
from minisnn.data.sets.named import open_set
from minisnn.data.store.shipped import shipped
from minisnn.training.evaluation import ALIGNED, alignment
from minisnn.training.folder import RunFolder, free_folder

from .c import export
from .chip.learner import CLASS_MEAN, learns_online
from .chip.network import IntegerNet
from .chip.words import Words, trained_for
from .loihi import measure
from .loihi.cuba import CubaNet
from .meta import measure as meta_measure, run as metatrain
from .meta.words import MetaWords
from .options import CUBA, REFUSE, SYMBOLS
from .page.make import page
from .study import classes, compare, device, drawings, nothing, ranges, refuse
from .training.run import ChipConfig, settings, train

SHIPPED = "double_nmnist_maml.h5"
WORDS = {"bits", "readout_bits", "fraction", "traces", "membrane", "strict"}
BLOTS = 40  # dots, and squares, that a device is asked about
# what a run that is resumed may be given
GOES_ON = ("resume", "quiet", "threads", "workers", "scheduler")


def _words(args: argparse.Namespace, **bits) -> Words:
    names = "fraction", "traces", "membrane", "strict"
    return Words(**{name: getattr(args, name) for name in names}, **bits)


def _report(args: argparse.Namespace, part: str, tables: list, figures: dict, **more) -> None:
    """Print tables; write them, the figures and what is more to --json."""
    if args.json is not None:
        more = dict(tables=[vars(table) for table in tables], **more)
        numbers = dict(figures=figures, more=more)
        write_json(args.json, outputs.made_by(f"minisnn hardware {part}", numbers))
    print("\n\n".join(table.text() for table in tables))


def _kept(args: argparse.Namespace, *names: str) -> Path:
    """The folder of --resume. ValueError for an option that the run there has already."""
    others = ", ".join(f"--{name.replace('_', '-')}" for name in args.given if name not in names)
    if others:
        raise ValueError(f"--resume keeps the settings of {args.resume}; leave out {others}")
    return Path(args.resume)


def _compare(args: argparse.Namespace) -> None:
    words = _words(args)
    if args.ranges:
        why = "with --ranges, which counts no operations"
        options.refuse(args, why, "picojoule")
    with study_maker(args) as make:
        study = make("hardware-ranges" if args.ranges else "hardware")
        check_place(study, args.force)
        if args.ranges:
            found = ranges.run(study, words, args.bits)
        else:
            found = compare.run(study, words, args.bits, args.picojoule)
    found.settings = study.describe()
    write(found, study, args.force)
    found.tables = [table for table in found.tables if table.name != "all"]
    print(found.text())
    print(f"\nnumbers and figures{', every combination too' * (not args.ranges)}: {study.folder}")


def _chip(args: argparse.Namespace, checkpoint: str):
    """(the checkpoint, its chip in the words of the command line); of CubaLIF it is Loihi's, whose
    words are fixed."""
    found = read(options.find_checkpoint(checkpoint))
    if isinstance(getattr(found.net, "neuron", None), CubaLIF):
        why = f"with {checkpoint}, a network of CubaLIF: its words are Loihi's"
        options.refuse(args, why, *sorted(WORDS))
        return found, CubaNet.of(found)
    known = trained_for(found.provenance.get("chip"))
    bits = args.bits or known.get("bits", 8)
    readout_bits = args.readout_bits or args.bits or known.get("readout_bits", 8)
    return found, IntegerNet.of(found, _words(args, weight_bits=bits, readout_bits=readout_bits))


def _tasks(args: argparse.Namespace, found: Checkpoint, name: str, split: str = "test", **how):
    """The set of a checkpoint's data; `how` replaces how it was read."""
    dataset, root = found.to_open(name, None, args.root)
    how = {**found.origin.options(dataset), **how}
    return open_set(dataset, split, root, progress=not args.quiet, **how)


def _export(args: argparse.Namespace) -> None:
    if "folder" in args.given and "out" in args.given:
        raise ValueError("give the folder once, as DIR or as --out DIR")
    out = Path(args.folder or args.out or OUT)
    outputs.check(out, outputs.FOLDER, force=args.force)
    if args.kind == "page":
        why = "with --for page, which holds no episode, and two rules to choose from"
        options.refuse(args, why, "root", "quiet", "rule")
        out.mkdir(parents=True, exist_ok=True)
        outputs.check(out / "index.html", outputs.PAGE, force=args.force)
        return _write_page(args, out / "index.html")
    threshold = args.refuse or 0
    if threshold and args.rule != CLASS_MEAN:
        raise ValueError(
            f"--refuse is of class means, whose answers are distances; the rule is {args.rule}"
        )
    name = args.checkpoint or SHIPPED
    found, chip = _chip(args, name)
    tasks = _tasks(args, found, name)
    task = tasks.episode(args.seed, 0, chip.ways, 1, 1)
    chip = _refusing(chip, threshold, tasks)
    how = _how(args.rule, found.inner)
    learner = chip.learner(seed=1, rule=args.rule, refuse=threshold, **how)
    samples = task.x_support, task.y_support, task.x_query
    for path in export.write(out, chip, learner, *samples, args.kind, args.force):
        print(path)
    flash = sum(layer.weight.size for layer in chip.layers)
    for build, size in export.memory(chip, learner, task.x_support.shape[1]).items():
        print(f"memory of the {build} build: {size:,} bytes, {flash:,} in flash")
    test = {"c": "test", "wasm": "test-wasm"}.get(args.kind)
    print(f"test it: make -C {out} {test}" if test else "example: teach")


def _how(rule: str, inner: InnerLoop | None) -> dict[str, Any]:
    """What else a rule says of a device that learns by it."""
    if rule == CLASS_MEAN:
        return dict(rounding="nearest")
    return dict(online=learns_online(inner))


def _page(args: argparse.Namespace) -> None:
    _write_page(args, Path(args.file))


def _write_page(args: argparse.Namespace, path: Path) -> None:
    name = args.checkpoint or SYMBOLS
    found, chip = _chip(args, name)
    threshold = args.refuse
    if threshold is None:  # chosen for the network that ships, whose distances are of its own words
        own = options.find_checkpoint(name) == shipped(SYMBOLS) and not WORDS & set(args.given)
        threshold = REFUSE if own else 0
    if threshold:
        here = argparse.Namespace(root=None, quiet=True)
        chip = _refusing(chip, threshold, _tasks(here, found, name))
    text = page(chip, seed=args.seed, refuse=threshold).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    print(f"{path}: {len(text):,} bytes; open it in a browser")


def _loihi(args: argparse.Namespace) -> None:
    name = args.checkpoint or CUBA
    found = read(options.find_checkpoint(name))
    if found.inner is None:
        raise ValueError(
            f"{name}: nothing says how this network adapts; expected a checkpoint of a run"
        )
    chip = CubaNet.of(found)
    online = None if args.step_size is None else measure.online_of(found, args.step_size)
    if args.words is not None:
        measure.write_words(args.words, chip)
        layers = f"weights, axons, thresholds and decays of {len(chip.vth)} layers"
        print(f"{args.words}: {layers} in Loihi's words")
    tasks = _tasks(args, found, name)
    asked = args.episodes, args.seed, args.queries
    with options.executor_of(args) as executor:
        values = measure.run(found, chip, tasks, *asked, executor, online, not args.quiet)
    table = measure.table(values, ALIGNED[alignment(tasks)])
    _report(args, "loihi", [table], measure.figures(values))


def _refuse(args: argparse.Namespace) -> None:
    if not 0 < args.allowed < 100:
        raise ValueError(f"--allowed must be more than 0 and less than 100, not {args.allowed:g}")
    name = args.checkpoint or SYMBOLS
    found, chip = _chip(args, name)
    how = args.ways, args.shots, args.queries
    plan = classes.How((2 * args.ways,), (args.shots,), args.queries, args.episodes, 0, args.seed)
    sets = {split: _alone(args, found, name, split) for split in ("val", "test")}
    for tasks in sets.values():
        drawings.check(tasks)
        refuse.check(tasks, plan)
    seen = {}
    with options.executor_of(args) as executor:
        for split, tasks in sets.items():
            blots = None
            if nothing.known(tasks):
                chip = chip.with_nothing(nothing.means(chip, tasks))
                blots = nothing.others(chip, tasks, BLOTS, args.seed)
            rows = drawings.rows(tasks, plan.deals())
            traces = drawings.traces(chip, found, tasks, rows, executor, not args.quiet)
            dealt = drawings.numbered(tasks)
            more = Executor(), traces, blots
            seen[split] = refuse.look(chip, dealt, how, args.episodes, args.seed, *more)
    share = args.allowed / 100
    shares = tuple(sorted({share, *refuse.SHARES}))
    note = f"{args.episodes} episodes each, {args.ways} classes taught, {args.shots} shots."
    table = refuse.table(seen, args.shots, shares, note)
    _report(args, "refuse", [table], refuse.figures(seen, args.shots, share))
    chosen = refuse.choose(seen["val"].known, share, args.shots)
    print(f"\nfor {name} in these words: minisnn hardware export (or page) --refuse {chosen}")


def _metatrain(args: argparse.Namespace) -> None:
    if args.resume is not None:
        out = _kept(args, "resume", "json", "quiet", "threads")
        settings, arms, split = metatrain.resumed(out)
    else:
        for bits in args.word_bits:
            MetaWords(bits)
        out = Path(args.out or free_folder("metatrain"))
        if (out / "run.json").exists():
            raise ValueError(f"{out}: holds a run; go on with it by --resume {out}")
        settings = metatrain.Settings(
            metatrain.Plan(updates=args.updates, rate=args.rate, lr=args.lr),
            episodes=args.episodes,
            alphabets=args.alphabets,
        )
        seeds = range(args.seed, args.seed + args.seeds)
        arms = metatrain.arms_of(sorted(set(args.word_bits), reverse=True), seeds)
        split = args.split
    metatrain.run(settings, arms, out, not args.quiet, split)
    values = meta_measure.rows(out, settings, arms, split)
    seeds_of = meta_measure.by_seed(out, arms)
    tables = [meta_measure.table(values, seeds_of, settings, split)]
    lengths = sorted({bits for bits, _ in arms if bits is not None}, reverse=True)
    tables.append(meta_measure.memory_table(metatrain.SHAPE, settings, lengths, metatrain.STEPS))
    _report(args, "metatrain", tables, meta_measure.figures(values, seeds_of))
    print(f"\nrun folder {out}")


def _alone(args: argparse.Namespace, found: Checkpoint, name: str, split: str) -> Any:
    """The set of a checkpoint, recordings as they are: a device is taught shot by shot, and knows no
    support to align by."""
    dataset, _ = found.to_open(name, None, args.root)
    align = {"align": "none"} if dataset == "double-nmnist" else {}
    return _tasks(args, found, name, split, **align)


def _refusing(chip: IntegerNet, refuse: int, tasks: Any) -> IntegerNet:
    """The chip, which knows what is no class where it may refuse, and pictures can be drawn."""
    if not refuse or not nothing.known(tasks):
        return chip
    return chip.with_nothing(nothing.means(chip, tasks))


def _classes(args: argparse.Namespace) -> None:
    name = args.checkpoint or SYMBOLS
    found, chip = _chip(args, name)
    tasks = _alone(args, found, name, "test")
    drawings.check(tasks)
    ways = classes.how_many(args.ways or classes.WAYS, tasks, args.ways is not None)
    shots = tuple(sorted(set(args.shots or classes.SHOTS)))
    plan = classes.How(ways, shots, args.queries, args.episodes, args.orders, args.seed)
    classes.check_room(tasks, plan)
    with options.executor_of(args) as executor:
        rows = drawings.rows(tasks, plan.deals())
        seen = drawings.traces(chip, found, tasks, rows, executor, not args.quiet)
    result = classes.look(tasks, seen, plan, Executor(), not args.quiet)
    learner = chip.learner(rule=CLASS_MEAN, **_how(CLASS_MEAN, None))
    memory = device.memory(chip, learner, tasks, plan)
    published = device.published() if tasks.kind == "character" else []
    tables = [
        *classes.tables(result, plan, f"{name}, {tasks.source}."),
        device.table(chip, *memory),
    ]
    panels = classes.panels(result, plan, published)
    if args.plot is not None:
        plots.save(plot_lines("How many classes a device holds apart", panels), args.plot)
    numbers = classes.figures(result, plan) | device.figures(*memory)
    _report(args, "classes", tables, numbers, lines=panels)
    for ways, shots, percent in published:
        print(f"Chameleon (den Blanken & Frenkel 2025): {ways} classes, {shots} shots: {percent} %")


def _train(args: argparse.Namespace) -> None:
    if args.resume is not None:
        out = _kept(args, *GOES_ON)
        config = RunFolder(out).config()
        chip = None
    elif args.bits is None:
        raise ValueError("give the bits to train for, such as --bits 2, or --resume DIR")
    else:
        chip = ChipConfig(args.bits, args.readout_bits or 8)
        out = args.out or free_folder(f"chip-{chip.bits}")
        changes = {
            name: getattr(args, name)
            for name in {"start", "updates", "lr", "root"} & set(args.given)
        }
        if args.start is not None:
            # what no command can open is refused
            read(options.find_checkpoint(args.start)).to_open(args.start, None, args.root)
        config = settings(seed=args.seed, test_episodes=args.episodes, **changes)
    with options.executor_of(args) as executor:
        result = train(
            config, chip, out, chip is None, not args.quiet, force=args.force, executor=executor
        )
    if not result:
        print(f"trained; run folder {out}: network.h5, checkpoint.h5, log.csv")
        return
    interval = result["interval"]
    margin = f" ± {100 * interval['half']:.1f}" if interval else ""
    whom = f" (95 % interval, for {interval['population']})" if interval else ""
    words = f"{result['bits']} bits ({result['readout_bits']} in the readout)"
    right = f"{100 * result['accuracy']:.1f}{margin} % on {result['episodes']} unseen episodes"
    print(f"integer chip of {words}: {right}{whom}")
    print(f"run folder {out}: network.h5, chip-result.json, checkpoint.h5, log.csv")


CALLED = {
    "classes": _classes,
    "compare": _compare,
    "export": _export,
    "loihi": _loihi,
    "metatrain": _metatrain,
    "page": _page,
    "refuse": _refuse,
    "train": _train,
}
