"""What `minisnn info` says of recordings of your own: a file of them, or a folder."""

import argparse
import hashlib
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..data.readers.anything import (
    Entry,
    entries,
    read_entry,
    read_events,
    sensor_of,
    sensor_of_all,
)
from ..data.sets.own import check_taken, classes_of, dealt_by, of_one_group, tell_unused
from ..data.readers.nmnist import SHAPE as NMNIST
from ..data.readers.spoken import forget
from ..data.readers.units import as_picture, in_words, is_row
from ..data.sets.statistics import oddities, recording_statistics, unit_statistics
from ..plots import plot_sheet, save

MOST_SHOWN = 6  # recordings of a class on a contact sheet
MOST_TOLD, MOST_ALIKE = 20, 3  # lines of what looks wrong, and of the same fault
GUIDE = "lessons/guides/recordings.md"


def look_at_file(path: Path, args: argparse.Namespace) -> None:
    """A recording: its sensor, statistics, and what looks wrong."""
    check_taken([Entry(path, "")], str(path), time=args.time, columns=args.columns)
    sensor = args.sensor or sensor_of(path)
    events = read_events(path, args.time, _rows(path, args, sensor), args.sensor, args.columns)
    known = _known(events, sensor)
    pixels = in_words(known) if known else "a sensor that the file does not name"
    form = "N-MNIST recording" if path.suffix.lower() in (".bin", ".bs2") else "recording"
    print(f"{path}: {form}, {len(events)} events of {pixels}")
    for what in oddities(events, known):
        print(f"looks wrong: {what}")
    shape = known or (int(events["y"].max()) + 1, int(events["x"].max()) + 1)
    row = is_row(shape)
    table = unit_statistics([events]) if row else recording_statistics([events], as_picture(shape))
    left_out = ("events, ", "last event, e", "last event, l")
    left_out += ("saccade",) * (shape != NMNIST)
    for name, value in table.items():
        if row or not name.startswith(left_out):
            print(f"{name.replace(', mean', ''):<32}{short(value):>12}")


def look_at_folder(root: Path, args: argparse.Namespace) -> None:
    """Recordings of your own: classes, rates, and what looks wrong in a sample of them; a contact
    sheet of it."""
    found = entries(root)
    check_taken(found, str(root), time=args.time, columns=args.columns)
    number = Counter(one.label for one in sorted(found, key=lambda one: one.label))
    wrong: list[tuple[str, str]] = []
    to_mend: list[str] = []
    sensor = args.sensor
    try:
        dealt_by(found, str(root))
    except ValueError as error:
        wrong.append(("the splits", str(error).removeprefix(f"{root}: ")))
        to_mend.append("the splits")
    try:
        sensor = args.sensor or sensor_of_all(found)
    except ValueError as error:
        wrong.append(("all of them", str(error)))
        to_mend.append("--sensor")
    lone = of_one_group(found)
    for label in number:
        if number[label] < 2:
            to_mend.append(label)
            wrong.append(
                (
                    label,
                    "has one recording; expected two, one for support and one for query (parts "
                    "that --hop-ms cuts of it stay on one side)",
                )
            )
        elif label in lone:
            what = "all its recordings are of one subject, or parts of one; expected two, one for "
            wrong.append((label, f"{what}support and one for query"))
    flip = _rows(root, args, sensor)
    pixels = f"of {in_words(sensor)}" if sensor else "of a sensor that they do not name (--sensor)"
    print(f"{root}: {_many(len(found), 'recording')} of {_many(len(number), 'class')}, {pixels}")
    places = np.unique(np.linspace(0, len(found) - 1, min(args.sample, len(found))).astype(int))
    rates: dict[str, list[float]] = {label: [] for label in number}
    shown: dict[str, list] = {label: [] for label in number}
    met: dict[bytes, str] = {}
    spans, reach, row = [], (0, 0), sensor is None
    for one in (found[place] for place in places):
        try:
            events = read_entry(one, args.time, flip, sensor, args.columns)
        except ValueError as error:
            wrong.append((one.name, str(error).removeprefix(f"{one.name}: ")))
            to_mend.append(one.name)
            continue
        spans.append(max(float(np.ptp(events["t"])), 1.0) / 1e6)
        rates[one.label].append(len(events) / spans[-1])
        row = row and _row(events)
        if _beyond(events, sensor):
            to_mend.append(one.name)
        reach = max(reach[0], int(events["y"].max()) + 1), max(reach[1], int(events["x"].max()) + 1)
        wrong += [(one.name, what) for what in oddities(events, _known(events, sensor))]
        twin = met.setdefault(hashlib.sha256(events.tobytes()).digest(), one.name)
        if twin != one.name:
            what = f"has the same events as {twin}: one recording would be in support and in query"
            wrong.append((one.name, what))
        if args.sheet is not None and len(shown[one.label]) < MOST_SHOWN:
            title = one.name.rpartition("/")[2] if one.key is None else f"recording {one.key}"
            shown[one.label].append((title, events))
    forget()
    print(f"{'class':<20}{'recordings':>12}{'events a second':>18}")
    for label, rate in rates.items():
        mean = f"{np.mean(rate):,.0f}" if rate else "?"
        print(f"{label[:19]:<20}{number[label]:>12}{mean:>18}")
    print(
        f"guessing one of all classes is right in {100 / len(number):.1f} %; {len(places)} "
        f"recording{'s were' if len(places) != 1 else ' was'} looked at"
    )
    far = (
        f"unit {reach[1] - 1}"
        if row or is_row(sensor)
        else f"x {reach[1] - 1} and y {reach[0] - 1}"
    )
    if sensor is not None and spans:
        sides = zip(reach[is_row(sensor) :], as_picture(sensor)[is_row(sensor) :])
        if all(2 * most < side for most, side in sides):
            wrong.append(("all of them", f"reach {far} only: is the sensor smaller (--sensor)?"))
    _tell(wrong)
    if args.sheet is not None:
        print(save(plot_sheet(shown, (reach[1],) if row and spans else sensor), args.sheet))
    if spans and not 80 < (lasting := 1000 * float(np.median(spans))) < 125:
        print(
            f"they last {lasting:,.0f} ms (median); 100 ms from the first event on are used unless "
            "--duration-ms says otherwise"
        )
    if not to_mend and sensor is None:
        print(f"their files do not say how large the sensor is; events reach {far}: give --sensor")
    _tell_tasks(root, found, sensor, to_mend)


def _tell_tasks(root: Path, found: list, sensor: tuple[int, ...] | None, to_mend: list) -> None:
    """Print what must be mended, or how many classes there are to train, validate and test, and the
    guide."""
    labels = {one.label for one in found}
    parts: dict[str, int] = {}
    if not to_mend:
        with suppress(ValueError):
            parts = {split: len(one) for split, one in classes_of(found, 0, str(root)).items()}
    ways = min(parts.values(), default=0)
    to_mend = to_mend or of_one_group(found) * (ways >= 2)
    if to_mend:
        more = f" and {len(to_mend) - MOST_ALIKE} more" * (len(to_mend) > MOST_ALIKE)
        print(f"fix first: {', '.join(to_mend[:MOST_ALIKE])}{more}")
        return
    splits = {one.split for one in found}
    if labels <= set("0123456789") and sensor == NMNIST and splits & {"train", "test"}:
        train = "Train without every fifth picture" if "train" in splits else "nothing"
        test = "Test" if "test" in splits else "every fifth picture of Train"
        print(f"double-nmnist has for meta-training: {train}; for validation and test: {test}")
    elif ways >= 2:
        tell_unused(found, str(root))
        many = ", ".join(f"{split} {count}" for split, count in parts.items())
        print(f"classes by split: {many}; tasks have {ways} ways at most")
    else:
        print(
            f"{_many(len(labels), 'class')} {'is' if len(labels) == 1 else 'are'} too few to "
            "meta-train, validate and test: expected 6 or more, two for each; two or more are "
            "enough for --rule classify"
        )
    print(f"how to train on them: {GUIDE}")


def _known(events: np.ndarray, sensor: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The sensor that is known, also of a row of units whose number no file names."""
    return (int(events["x"].max()) + 1,) if sensor is None and _row(events) else sensor


def _row(events: np.ndarray) -> bool:
    """Whether the events of a recording are of a row of units, and no picture."""
    return not (events["y"].any() or np.ptp(events["p"]))


def _beyond(events: np.ndarray, sensor: tuple[int, ...] | None) -> bool:
    """Whether events are outside of the sensor."""
    sides = () if sensor is None else zip("yx", as_picture(sensor))
    return any(events[axis].min() < 0 or events[axis].max() >= size for axis, size in sides)


def _many(number: int, what: str) -> str:
    """So many of something, in words."""
    return f"{number} {what}{'' if number == 1 else 'es' if what.endswith('s') else 's'}"


def short(value: float) -> str:
    """A number of four digits."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _rows(root: Path, args: argparse.Namespace, sensor: tuple[int, ...] | None) -> int | None:
    """Rows from which y counts, where it grows upwards."""
    if args.flip_y and (sensor is None or is_row(sensor)):
        raise ValueError(
            f"{root}: --flip-y turns pictures over, and counts y from the last row; expected --sensor "
            "with rows and columns"
        )
    return sensor[0] if args.flip_y and sensor is not None else None


def _tell(wrong: list[tuple[str, str]]) -> None:
    """What looks wrong, of the same fault a few."""
    alike: dict[str, list[str]] = {}
    for name, what in wrong:
        line = f"looks wrong: {name}: {what}"
        alike.setdefault(re.sub(r"[\d.,]+", "#", what)[:40], []).append(line)
    lines = []
    for some in alike.values():
        lines += some[:MOST_ALIKE]
        if len(some) > MOST_ALIKE:
            lines.append(f"looks wrong: {len(some) - MOST_ALIKE} more like it")
    for line in lines[:MOST_TOLD]:
        print(line)
