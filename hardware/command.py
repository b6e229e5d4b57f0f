"""Let a meta-trained network learn in integers, as an edge chip would: one
recording of each class, one update, a few bits per weight. Without a part,
runs `compare`.

examples:
  minisnn hardware --episodes 100               float against 8, 4, 3 and 2 bits
  minisnn hardware --bits 4 --root ~/N-MNIST    4 bits, on real recordings
  minisnn hardware --ranges --episodes 10       interval analysis, saturations
  minisnn hardware export --bits 4 chip         C header, .hex, C library
  minisnn hardware export --for arduino chip    the same as an Arduino library
  minisnn hardware page --open teach.html       draw and teach in a browser
  minisnn hardware loihi --episodes 600 --words words.npz
                                                CubaLIF in a Loihi-style model
  minisnn hardware classes --plot classes.svg   250 classes: together, singly
  minisnn hardware classes --ways 5,all --shots 1,5 --checkpoint runs/mine
                                                your own network's features
  minisnn hardware refuse --allowed 5           when to answer "none of these"
  minisnn hardware metatrain --word-bits 16,8   learn to learn in integers
  minisnn hardware train --bits 2 --out runs/chip-2
                                                meta-train for 2 bits
"""

import webbrowser
from argparse import ArgumentTypeError
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from minisnn import outputs
from minisnn.commands.options import Force, Quiet, Threads, Work, flags, idle
from minisnn.commands.studies import OUT, Plan
from minisnn.files import write_json, write_whole
from minisnn.parallel.executor import Executor
from minisnn.parallel.threads import set_threads

CUBA = "double_nmnist_cuba.h5"
MAML = "double_nmnist_maml.h5"
SYMBOLS = "omniglot_fine.h5"
REFUSE = 4165043  # threshold for SYMBOLS, chosen on validation classes: hardware-refuse.json
BLOTS = 40  # dots, and squares, to test refusals

Episodes = Annotated[int, "test episodes"]
Mode = Literal["floor", "zero", "nearest"]
Queries = Annotated[int, "query samples of each class"]
Refuse = Annotated[
    int | None,
    int,
    'distance from which on a device that learns by class means answers "none of these", as '
    f"found by minisnn hardware refuse; 0: never (default: {REFUSE} on the page of {SYMBOLS}, "
    "chosen on validation characters; else 0)",
]
Resume = Annotated[Path | None, "DIR", "continue the run in this folder, with its own settings"]
Root = Annotated[Path | None, "DIR", "folder of real N-MNIST recordings (default: simulated ones)"]


def bits_of(text: str) -> tuple[int, ...]:
    """Parse numbers of weight bits."""
    bits = tuple(int(part) for part in text.split(","))
    if not all(2 <= number <= 8 for number in bits):
        raise ArgumentTypeError(f"{text} is out of range; expected bits from 2 to 8, as in 8,4,2")
    return bits


def ways_of(text: str) -> tuple[int | str, ...]:
    """Parse numbers of classes; all: every class of a set."""
    return tuple(part if part == "all" else int(part) for part in text.split(","))


@dataclass
class Rounding:
    """words of the fixed-point model"""

    fraction: Annotated[int, int, "fraction bits of postsynaptic traces"] = 12
    traces: Annotated[Mode, "rounding of the trace filters"] = "floor"
    membrane: Annotated[Mode, "rounding on the way to u"] = "floor"


@dataclass
class Chip(Rounding):
    """words of the fixed-point model"""

    bits: Annotated[
        int | None,
        "weight bits of the conv layers, 2 to 8 (default: those that the network was trained for, "
        "else 8)",
    ] = None
    readout_bits: Annotated[int | None, "weight bits of the readout (default: those of --bits)"] = (
        None
    )

    @property
    def given(self) -> dict[str, Any]:
        """Return the word lengths that differ from the defaults, by name."""
        usual = {one.name: one.default for one in fields(self)}
        return {name: value for name, value in vars(self).items() if value != usual[name]}

    def load(self, checkpoint: str | Path) -> tuple[Any, Any]:
        """Return the checkpoint and its chip with these word lengths; for CubaLIF the chip is
        Loihi's, whose words are fixed."""
        from minisnn.core.cuba import CubaLIF
        from minisnn.training.checkpoint import read

        from .chip.network import IntegerNet
        from .chip.words import Words, trained_for
        from .loihi.cuba import CubaNet

        found = read(checkpoint)
        if isinstance(getattr(found.net, "neuron", None), CubaLIF):
            idle(f"with {checkpoint}, a network of CubaLIF: its words are Loihi's", **self.given)
            return found, CubaNet.of(found)
        known = trained_for(found.provenance.get("chip"))
        bits = self.bits or known.get("bits", 8)
        readout_bits = self.readout_bits or self.bits or known.get("readout_bits", 8)
        words = Words(bits, readout_bits, self.fraction, self.traces, self.membrane)
        return found, IntegerNet.of(found, words)


@dataclass
class Test:
    """test data and output"""

    seed: Annotated[int, "seed of the episodes"] = 0
    root: Root = None
    json: Annotated[
        Path | None,
        "write the numbers to this file, in the form of records of results",
        outputs.FILE,
    ] = None
    force: Force = False
    quiet: Quiet = False

    def tasks(self, found: Any, name: str | Path, split: str = "test", **how: Any) -> Any:
        """Open the data set of a checkpoint; `how` overrides its reading options."""
        from minisnn.data.sets.named import open_set

        dataset, root = found.to_open(name, None, self.root and str(self.root))
        how = {**found.origin.options(dataset), **how}
        return open_set(dataset, split, root, progress=not self.quiet, **how)

    def unaligned(self, found: Any, name: str | Path, split: str) -> Any:
        """Open `tasks` of recordings without alignment, because a device is taught shot by shot and
        has no support to align by."""
        dataset, _ = found.to_open(name, None, None)
        return self.tasks(
            found, name, split, **({"align": "none"} if dataset == "double-nmnist" else {})
        )

    def report(self, tables: list, figures: dict, **more: Any) -> None:
        """Print tables, and write them, with figures and further numbers, to --json."""
        if self.json is not None:
            more = dict(tables=[vars(table) for table in tables], **more)
            write_json(self.json, dict(figures=figures, more=more))
        print("\n\n".join(table.text() for table in tables))


def compare(
    *,
    bits: Annotated[tuple[int, ...], bits_of, "weight bits of the conv layers, 2 to 8"] = (
        8,
        4,
        3,
        2,
    ),
    ranges: Annotated[
        bool, "print the interval analysis and the saturations of the episodes"
    ] = False,
    episodes: Episodes = 100,
    rounding: Rounding,
    plan: Plan,
    work: Work,
) -> None:
    """Compare float and fixed point on the same test episodes (the default).

    examples:
      minisnn hardware compare --episodes 100
      minisnn hardware compare --ranges --episodes 10
    """
    from .chip.words import Words
    from .study import compare, ranges as analysis

    study: Any = analysis if ranges else compare
    run = partial(study.run, words=Words(**vars(rounding)), bits=bits)
    plan.show("hardware-ranges" if ranges else "hardware", episodes, work, run)


def classes(
    *,
    checkpoint: Annotated[Path, "FILE", "the network"] = Path(SYMBOLS),
    ways: Annotated[
        tuple[int | str, ...] | None,
        ways_of,
        "A,B,…,all",
        "numbers of classes, all: every class of the set (default: 5,20,50,250,all, as far as the "
        "set has them)",
    ] = None,
    shots: Annotated[
        tuple[int, ...] | None, "numbers of shots of each class (default: 1,5,10)"
    ] = None,
    queries: Queries = 10,
    episodes: Annotated[int, "episodes of each number of classes and shots"] = 20,
    orders: Annotated[int, "orders in which up to 250 classes arrive one by one"] = 10,
    plot: Annotated[
        Path | None,
        "draw accuracy by classes, and after each class that arrives (.png, .svg, .pdf)",
        outputs.FILE,
    ] = None,
    chip: Chip,
    test: Test,
    work: Work,
) -> None:
    """Measure how many classes a device can distinguish: 5 to all of a set, taught
    together and one by one.

    examples:
      minisnn hardware classes --plot classes.svg
      minisnn hardware classes --ways 5,all --shots 1,5 --checkpoint runs/mine
    """
    from minisnn.plots import save
    from minisnn.plots.curve import plot_lines

    from .chip.learner import CLASS_MEAN
    from .study import classes, device, drawings

    found, net = chip.load(checkpoint)
    tasks = test.unaligned(found, checkpoint, "test")
    drawings.check(tasks)
    many = classes.how_many(ways or classes.WAYS, tasks, ways is not None)
    numbers_of_shots = tuple(sorted(set(shots or classes.SHOTS)))
    plan = classes.How(many, numbers_of_shots, queries, episodes, orders, test.seed)
    classes.check_room(tasks, plan)
    with work.executor() as executor:
        rows = drawings.rows(tasks, plan.deals())
        traces = drawings.traces(net, found, tasks, rows, executor, not test.quiet)
    result = classes.look(tasks, traces, plan, Executor(), not test.quiet)
    learner = net.learner(rule=CLASS_MEAN, rounding="nearest")
    memory = device.memory(net, learner, tasks, plan)
    published = device.published() if tasks.kind == "character" else []
    tables = classes.tables(result, plan, f"{checkpoint}, {tasks.source}.")
    panels = classes.panels(result, plan, published)
    if plot is not None:
        save(plot_lines("How many classes a device can distinguish", panels), plot)
    numbers = classes.figures(result, plan) | device.figures(*memory)
    test.report([*tables, device.table(net, *memory)], numbers, lines=panels)
    for number, each, percent in published:
        print(
            f"Chameleon (den Blanken & Frenkel 2025): {number} classes, {each} shots: {percent} %"
        )


def export(
    folder: Annotated[Path | None, f"folder of the files (default: {OUT})"] = None,
    /,
    *,
    out: Annotated[Path | None, "DIR", "the same"] = None,
    checkpoint: Annotated[Path | None, "FILE", f"network to export (default: {MAML})"] = None,
    for_: Annotated[
        Literal["c", "arduino", "wasm", "page"],
        "target: C, an Arduino library, WebAssembly, or the page",
    ] = "c",
    rule: Annotated[
        Literal["class-mean", "membrane", "three-factor"],
        "learning rule: by class means, shot by shot, or by gradients of a fixed number of classes",
    ] = "class-mean",
    refuse: Refuse = None,
    seed: Annotated[int, "seed of the episode of the self-test"] = 0,
    root: Root = None,
    force: Force = False,
    quiet: Quiet = False,
    chip: Chip,
) -> None:
    """Export a network as C header and .hex files, with the C library that runs it.

    examples:
      minisnn hardware export --bits 4 chip
      minisnn hardware export --for arduino chip
    """
    from .c.export import memory, write
    from .chip.learner import CLASS_MEAN, learns_online

    if folder is not None and out is not None:
        raise ValueError("give the folder once, as DIR or as --out DIR")
    out = folder or out or OUT
    outputs.check(out, outputs.FOLDER, force=force)
    if for_ == "page":
        idle("with --for page, which holds no episode", root=root, rule=rule != CLASS_MEAN)
        out.mkdir(parents=True, exist_ok=True)
        return _write_page(out / "index.html", checkpoint or Path(SYMBOLS), refuse, seed, chip)
    if refuse and rule != CLASS_MEAN:
        raise ValueError(f"--refuse needs class means, whose answers are distances, not {rule}")
    name = checkpoint or Path(MAML)
    found, net = chip.load(name)
    tasks = Test(root=root, quiet=quiet).tasks(found, name)
    task = tasks.episode(seed, 0, net.ways, 1, 1)
    net = _refusing(net, refuse, tasks)
    how: dict[str, Any] = dict(rounding="nearest")
    if rule != CLASS_MEAN:
        how = dict(online=learns_online(found.inner))
    learner = net.learner(seed=1, rule=rule, refuse=refuse or 0, **how)
    samples = task.x_support, task.y_support, task.x_query
    for path in write(out, net, learner, *samples, for_, force):
        print(path)
    flash = sum(layer.weight.size for layer in net.layers)
    for build, size in memory(net, learner, task.x_support.shape[1]).items():
        print(f"memory of the {build} build: {size:,} bytes, {flash:,} in flash")
    target = {"c": "test", "wasm": "test-wasm"}.get(for_)
    print(f"test it: make -C {out} {target}" if target else "example: teach")


def _refusing(net: Any, refuse: int | None, tasks: Any) -> Any:
    """Return the chip with means of no class, if it may refuse and its set's pictures can be
    drawn."""
    from .study import nothing

    known = refuse and nothing.known(tasks)
    return net.with_nothing(nothing.means(net, tasks)) if known else net


def page(
    file: Annotated[Path, "the page", outputs.FILE] = Path("page.html"),
    /,
    *,
    checkpoint: Annotated[Path, "FILE", "network for single symbols"] = Path(SYMBOLS),
    refuse: Refuse = None,
    seed: Annotated[int, "seed of the noise of the camera"] = 0,
    open: Annotated[bool, "open the page in your browser"] = False,
    force: Force = False,
    chip: Chip,
) -> None:
    """Write one web page: draw a symbol, watch its events, teach and test the network.

    examples:
      minisnn hardware page --open teach.html
    """
    _write_page(file, checkpoint, refuse, seed, chip)
    if open:
        webbrowser.open(file.resolve().as_uri())


def _write_page(path: Path, name: Path, refuse: int | None, seed: int, chip: Chip) -> None:
    from minisnn.data.store.shipped import find_checkpoint, shipped

    from .page.make import page

    found, net = chip.load(name)
    if refuse is None and find_checkpoint(name) == shipped(SYMBOLS) and not chip.given:
        refuse = REFUSE  # chosen for this network in its own word lengths
    if refuse:
        net = _refusing(net, refuse, Test(quiet=True).tasks(found, name))
    text = page(net, seed=seed, refuse=refuse or 0).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    print(f"{path}: {len(text):,} bytes; open it in a browser")


def loihi(
    *,
    checkpoint: Annotated[Path, "FILE", "network of CubaLIF"] = Path(CUBA),
    episodes: Episodes = 100,
    queries: Queries = 10,
    words: Annotated[
        Path | None, "write the model's integers in Lava's form to an .npz", outputs.FILE
    ] = None,
    step_size: Annotated[
        float | None,
        "also learn from a readout of zero, one sample after the other, with this step (the nearest "
        "power of two)",
    ] = None,
    test: Test,
    work: Work,
) -> None:
    """Compare a network of CubaLIF in a Loihi-style fixed-point model with itself in
    float.

    examples:
      minisnn hardware loihi --episodes 600 --words words.npz
    """
    from minisnn.training.checkpoint import read
    from minisnn.training.evaluation import ALIGNED, alignment

    from .loihi import measure
    from .loihi.cuba import CubaNet

    found = read(checkpoint)
    if found.inner is None:
        words_of = "it does not say how the network adapts"
        raise ValueError(f"{checkpoint}: {words_of}; expected a checkpoint of a run")
    net = CubaNet.of(found)
    online = None if step_size is None else measure.online_of(found, step_size)
    if words is not None:
        measure.write_words(words, net)
        print(f"{words}: weights, axons, thresholds and decays in Loihi's words")
    tasks = test.tasks(found, checkpoint)
    asked = episodes, test.seed, queries
    with work.executor() as executor:
        values = measure.run(found, net, tasks, *asked, executor, online, not test.quiet)
    table = measure.table(values, ALIGNED[alignment(tasks)])
    test.report([table], measure.figures(values))


def metatrain(
    *,
    word_bits: Annotated[tuple[int, ...], "bits of every stored word, 8 to 16; one or more"] = (
        16,
    ),
    updates: Annotated[int, "meta-updates"] = 120,
    rate: Annotated[
        int,
        "first step of the integers, in 65,536ths of the largest initial weight; smaller for "
        "long runs",
    ] = 512,
    lr: Annotated[float, "first learning rate of the float network"] = 0.005,
    seeds: Annotated[int, "number of seeds, from --seed on"] = 1,
    episodes: Episodes = 80,
    alphabets: Annotated[int, "number of test alphabets, the first of the split; 0: all"] = 0,
    split: Annotated[
        Literal["val", "test"], "test characters; validation is for choosing settings"
    ] = "test",
    out: Annotated[
        Path | None, "DIR", "folder of the run (default: runs/metatrain-<number>)", outputs.RUN
    ] = None,
    resume: Resume = None,
    threads: Threads = None,
    test: Test,
) -> None:
    """Meta-train by class means in integers only, and in float on the same tasks.

    examples:
      minisnn hardware metatrain --word-bits 16,8
    """
    from minisnn.training.folder import free_folder

    from .meta import measure, run
    from .meta.words import MetaWords

    set_threads(threads)
    if resume is not None:
        place: Path = resume
        settings, arms, split = run.resumed(resume)
    else:
        for number in word_bits:
            MetaWords(number)
        place = out or free_folder("metatrain")
        if (place / "run.json").exists():
            raise ValueError(f"{place}: holds a run; continue it with --resume {place}")
        plan = run.Plan(updates=updates, rate=rate, lr=lr)
        settings = run.Settings(plan, episodes=episodes, alphabets=alphabets)
        first = range(test.seed, test.seed + seeds)
        arms = run.arms_of(sorted(set(word_bits), reverse=True), first)
    run.run(settings, arms, place, not test.quiet, split)
    values = measure.rows(place, settings, arms, split)
    seeds_of = measure.by_seed(place, arms)
    lengths = sorted({number for number, _ in arms if number is not None}, reverse=True)
    tables = [
        measure.table(values, seeds_of, settings, split),
        measure.memory_table(run.SHAPE, settings, lengths, run.STEPS),
    ]
    test.report(tables, measure.figures(values, seeds_of))
    print(f"\nrun folder {place}")


def refuse(
    *,
    checkpoint: Annotated[Path, "FILE", "the network"] = Path(SYMBOLS),
    episodes: Annotated[int, "episodes of validation, and of test, classes"] = 100,
    ways: Annotated[int, "number of classes that are taught, and of classes that are not"] = 5,
    shots: Annotated[int, "shots of each"] = 1,
    queries: Queries = 5,
    allowed: Annotated[
        float, "PERCENT", "share of queries of known classes that may be refused on validation"
    ] = 5.0,
    chip: Chip,
    test: Test,
    work: Work,
) -> None:
    """Choose when to answer "none of these": the threshold with a given rate of false alarms on
    validation classes.

    examples:
      minisnn hardware refuse --allowed 5
    """
    from .study import classes, drawings, nothing, refuse

    if not 0 < allowed < 100:
        raise ValueError(f"--allowed must be more than 0 and less than 100, not {allowed:g}")
    found, net = chip.load(checkpoint)
    plan = classes.How((2 * ways,), (shots,), queries, episodes, 0, test.seed)
    sets = {split: test.unaligned(found, checkpoint, split) for split in ("val", "test")}
    for tasks in sets.values():
        drawings.check(tasks)
        refuse.check(tasks, plan)
    results = {}
    with work.executor() as executor:
        for split, tasks in sets.items():
            blots = None
            if nothing.known(tasks):
                net = net.with_nothing(nothing.means(net, tasks))
                blots = nothing.others(net, tasks, BLOTS, test.seed)
            rows = drawings.rows(tasks, plan.deals())
            traces = drawings.traces(net, found, tasks, rows, executor, not test.quiet)
            dealt = drawings.numbered(tasks), (ways, shots, queries), episodes, test.seed
            results[split] = refuse.look(net, *dealt, Executor(), traces, blots)
    share = allowed / 100
    note = f"{episodes} episodes each, {ways} classes taught, {shots} shots."
    table = refuse.table(results, shots, tuple(sorted({share, *refuse.SHARES})), note)
    test.report([table], refuse.figures(results, shots, share))
    chosen = refuse.choose(results["val"].known, share, shots)
    print(f"\nfor {checkpoint} in these words: minisnn hardware export (or page) --refuse {chosen}")


def train(
    *,
    bits: Annotated[
        int | None, "weight bits of the conv layers, 2 to 8; needed unless --resume"
    ] = None,
    readout_bits: Annotated[int | None, "weight bits of the readout (default: 8)"] = None,
    start: Annotated[Path | None, "FILE", f"network to start from (default: {MAML})"] = None,
    updates: Annotated[int | None, "meta-updates (default: 400)"] = None,
    lr: Annotated[float | None, "learning rate at the start (default: 0.0005)"] = None,
    episodes: Annotated[int | None, "test episodes (default: 100)"] = None,
    seed: Annotated[int | None, int, "seed of everything random (default: 0)"] = None,
    root: Root = None,
    out: Annotated[
        Path | None, "DIR", "run folder (default: runs/chip-<bits>-<number>)", outputs.RUN
    ] = None,
    resume: Resume = None,
    force: Force = False,
    quiet: Quiet = False,
    work: Work,
) -> None:
    """Meta-train a network for weights of few bits.

    examples:
      minisnn hardware train --bits 2 --out runs/chip-2
      minisnn hardware train --resume runs/chip-2
    """
    from minisnn.training.checkpoint import read
    from minisnn.training.folder import RunFolder, free_folder

    from .training.run import ChipConfig, settings, train

    changes = dict(
        start=start, updates=updates, lr=lr, test_episodes=episodes, seed=seed, root=root
    )
    changes = {name: value for name, value in changes.items() if value is not None}
    if resume is not None:
        given = dict(start=start, updates=updates, lr=lr, episodes=episodes, seed=seed, root=root)
        given |= dict(bits=bits, readout_bits=readout_bits, out=out)
        if names := flags(**{name: value is not None for name, value in given.items()}):
            words = f"--resume keeps the settings of {resume}"
            raise ValueError(f"{words}; leave out {', '.join(names)}")
        chip, place, config = None, resume, RunFolder(resume).read()[0]
    elif bits is None:
        raise ValueError("give the bits to train for, such as --bits 2, or --resume DIR")
    else:
        chip = ChipConfig(bits, readout_bits or 8)
        place = out or free_folder(f"chip-{bits}")
        if start is not None:  # raise for data that no command can open
            read(start).to_open(start, None, root and str(root))
        texts = {name: str(changes[name]) for name in ("start", "root") if name in changes}
        config = settings(**{"test_episodes": 100, **changes, **texts})
    with work.executor() as executor:
        how = dict(force=force, executor=executor)
        result = train(config, chip, place, resume is not None, not quiet, **how)
    if not result:
        print(f"trained; run folder {place}: network.h5, checkpoint.h5, log.csv")
        return
    interval = result["interval"]
    margin = f" ± {100 * interval['half']:.1f}" if interval else ""
    whom = f" (95 % interval, for {interval['population']})" if interval else ""
    words = f"{result['bits']} bits ({result['readout_bits']} in the readout)"
    right = f"{100 * result['accuracy']:.1f}{margin} % on {result['episodes']} unseen episodes"
    print(f"integer chip of {words}: {right}{whom}")
    print(f"run folder {place}: network.h5, chip-result.json, checkpoint.h5, log.csv")


hardware = {
    "compare": compare,
    "classes": classes,
    "export": export,
    "loihi": loihi,
    "metatrain": metatrain,
    "page": page,
    "refuse": refuse,
    "train": train,
}
