"""`minisnn info` of your own recordings: one file, or a folder."""

from collections import Counter
from pathlib import Path

import numpy as np

from ..data.readers import anything, listing
from ..data.readers.arrays import kind_of_hdf5
from ..data.readers.columns import in_words, is_row, order_of
from ..data.sets.own import classes_of
from ..data.sets.statistics import oddities, statistics
from ..plots import plot_sheet, save
from . import describe
from .options import Forms

MOST_SHOWN = 6  # most recordings of a class on a contact sheet
MOST_LINES = 20  # most sentences about what looks wrong


def is_recording(path: Path) -> bool:
    """Return whether this is a file of one recording, judging by its name and, of HDF5, content."""
    kind = path.suffix.lower()
    if kind in listing.SETS:
        return kind_of_hdf5(path) == "recording"
    return path.is_file() and kind in anything.SUFFIXES


def is_set(path: Path) -> bool:
    """Return whether this is a folder or an HDF5 file of many recordings, unless it is a run."""
    return kind_of_hdf5(path) == "set" or path.is_dir() and not describe.is_run(path)


def file(path: Path, forms: Forms) -> None:
    """Print a recording's sensor and statistics, and what looks wrong in it."""
    named = forms.sensor or anything.sensor_of(path)
    events = anything.read_events(path, forms.sensor, forms.time, forms.columns, forms.flip_y)
    sensor = _sensor(events, named)
    print(f"{path}: {len(events)} events of {in_words(sensor)}{'' if named else ' or more'}")
    for what in oddities(events, sensor):
        print(f"looks wrong: {what}")
    for name, value in statistics(events, sensor).items():
        print(f"{name:<36}{float(f'{value:.4g}'):>12g}")


def folder(root: Path, sample: int, sheet: Path | None, forms: Forms) -> None:
    """Print the classes and rates of your own recordings, and what looks wrong in a sample of them;
    draw a contact sheet."""
    if forms.columns:
        order_of(forms.columns)
    recordings = listing.entries(root)
    sensor = forms.sensor or listing.sensor_of_all(recordings)
    number = Counter(sorted(recording.label for recording in recordings))
    pixels = in_words(sensor) if sensor else "a sensor that the files do not name (--sensor)"
    print(f"{root}: {len(recordings)} recordings of {len(number)} classes, of {pixels}")
    wrong: list[str] = []
    rates: dict[str, list[float]] = {label: [] for label in number}
    shown: dict[str, list] = {label: [] for label in number}
    spans: list[float] = []
    reach = sensor
    some = recordings[:: -(-len(recordings) // sample)]
    for recording in some:
        try:
            how = sensor, forms.time, forms.columns, forms.flip_y
            events = listing.read_entry(recording, *how)
        except ValueError as error:
            wrong.append(str(error))
            continue
        spans.append(max(float(np.ptp(events["t"])), 1.0) / 1e6)
        rates[recording.label].append(len(events) / spans[-1])
        own = _sensor(events, sensor)
        reach = own if reach is None or len(reach) != len(own) else tuple(map(max, reach, own))
        signs = oddities(events, own if sensor or is_row(own) else None)
        wrong += [f"{recording.name}: {what}" for what in signs]
        if sheet is not None and len(shown[recording.label]) < MOST_SHOWN:
            title = recording.path.name if recording.key is None else f"recording {recording.key}"
            shown[recording.label].append((title, events))
    print(f"{'class':<20}{'recordings':>12}{'events per second':>18}")
    for label, rate in rates.items():
        mean = f"{np.mean(rate):,.0f}" if rate else "?"
        print(f"{label[:19]:<20}{number[label]:>12}{mean:>18}")
    print(f"a guess is right in {100 / len(number):.1f} %; {len(some)} recordings examined")
    apart = {(recording.label, recording.subject or recording.name) for recording in recordings}
    alone = [label for label, groups in Counter(label for label, _ in apart).items() if groups < 2]
    few = "has one subject, or one whole recording; expected two or more, for support and query"
    wrong += [f"{label}: {few}" for label in sorted(alone)]
    for line in wrong[:MOST_LINES]:
        print(f"looks wrong: {line}")
    if sensor is None:
        print(f"the files do not name their sensor; events reach {reach}: give --sensor")
    if sheet is not None:
        print(save(plot_sheet(shown, reach), sheet))
    if spans and not 80 < (lasting := 1000 * float(np.median(spans))) < 125:
        usual = "100 ms from the first event on are used unless --duration-ms is given"
        print(f"they last {lasting:,.0f} ms (median); {usual}")
    _print_splits(recordings, str(root))
    print("how to train on them: lessons/guides/recordings.md")


def _print_splits(recordings: list[listing.Entry], root: str) -> None:
    """Print how the classes are split, and the largest task that they allow."""
    try:
        classes = classes_of(recordings, 0, root)
        sizes = ", ".join(f"{split} {len(names)}" for split, names in classes.items())
        ways = min(map(len, classes.values()))
        if ways < 2:
            raise ValueError(f"{root}: the classes are {sizes}; a task needs two of one split")
        print(f"classes by split: {sizes}; tasks have {ways} ways at most")
    except ValueError as error:
        print(f"no tasks yet: {error}; two classes are enough for --rule classify")


def _sensor(events: np.ndarray, named: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the named sensor, or else the smallest that contains all events: a row of units if all
    events are in one row and of one polarity."""
    if named is not None:
        return named
    reach = int(events["y"].max()) + 1, int(events["x"].max()) + 1
    return reach if events["y"].any() or np.ptp(events["p"]) else reach[1:]
