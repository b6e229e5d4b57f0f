"""What `minisnn info` says of recordings of your own: a file of them, or a folder."""

import argparse
import hashlib
import re
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
    if sensor is None and _row(events):
        sensor = (int(events["x"].max()) + 1,)
    pixels = "a sensor that the file does not tell" if sensor is None else in_words(sensor)
    form = "N-MNIST recording" if path.suffix.lower() in (".bin", ".bs2") else "recording"
    print(f"{path}: {form}, {len(events)} events of {pixels}")
    for what in oddities(events, sensor):
        print(f"looks wrong: {what}")
    if is_row(sensor):
        for name, value in unit_statistics([events]).items():
            print(f"{name:<32}{short(value):>12}")
        return
    shape = sensor or (int(events["y"].max()) + 1, int(events["x"].max()) + 1)
    for name, value in recording_statistics([events], shape).items():
        if not name.startswith(
            ("events, ", "last event, e", "last event, l") + ("saccade",) * (sensor != (34, 34))
        ):
            print(f"{name.replace(', mean', ''):<32}{short(value):>12}")


def look_at_folder(root: Path, args: argparse.Namespace) -> None:
    """Recordings of your own: classes, rates, and what looks wrong in a sample of them; a contact
    sheet of it."""
    found = entries(root)
    check_taken(found, str(root), time=args.time, columns=args.columns)
    labels = sorted({one.label for one in found})
    wrong: list[tuple[str, str]] = []
    to_mend: list[str] = []

    def must_be_mended(name: str, what: object, how: str = "") -> None:
        wrong.append((name, str(what)))
        to_mend.append(how or name)

    try:
        dealt_by(found, str(root))
    except ValueError as error:
        must_be_mended("the splits", str(error).removeprefix(f"{root}: "))
    sensor = args.sensor
    if sensor is None:
        try:
            sensor = sensor_of_all(found)
        except ValueError as error:
            must_be_mended("all of them", error, "--sensor")
    lone = of_one_group(found)
    for label in labels:
        if sum(one.label == label for one in found) < 2:
            must_be_mended(
                label,
                "has one recording; expected two, one for support and one for query (parts "
                "that --hop-ms cuts of it stay on one side)",
            )
        elif label in lone:
            what = "all its recordings are of one subject, or parts of one; expected two, one for "
            wrong.append((label, f"{what}support and one for query"))
    flip = _rows(root, args, sensor)
    pixels = "of a sensor that they do not tell (--sensor)"
    pixels = pixels if sensor is None else f"of {in_words(sensor)}"
    print(f"{root}: {_many(len(found), 'recording')} of {_many(len(labels), 'class')}, {pixels}")
    places = np.unique(np.linspace(0, len(found) - 1, min(args.sample, len(found))).astype(int))
    rates: dict[str, list[float]] = {label: [] for label in labels}
    shown: dict[str, list] = {label: [] for label in labels}
    met: dict[bytes, str] = {}
    spans, reach, row = [], (0, 0), sensor is None
    for one in (found[place] for place in places):
        try:
            events = read_entry(one, args.time, flip, sensor, args.columns)
        except ValueError as error:
            must_be_mended(one.name, str(error).removeprefix(f"{one.name}: "))
            continue
        spans.append(max(float(np.ptp(events["t"])), 1.0) / 1e6)
        rates[one.label].append(len(events) / spans[-1])
        row = row and _row(events)
        if _beyond(events, sensor):
            to_mend.append(one.name)
        reach = max(reach[0], int(events["y"].max()) + 1), max(reach[1], int(events["x"].max()) + 1)
        known = (int(events["x"].max()) + 1,) if sensor is None and _row(events) else sensor
        wrong += [(one.name, what) for what in oddities(events, known)]
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
        number = sum(one.label == label for one in found)
        mean = f"{np.mean(rate):,.0f}" if rate else "?"
        print(f"{label[:19]:<20}{number:>12}{mean:>18}")
    print(
        f"guessing one of all classes is right in {100 / len(labels):.1f} %; {len(places)} "
        f"recording{'s were' if len(places) != 1 else ' was'} looked at"
    )
    if sensor is not None and reach[0]:
        sides = as_picture(sensor)
        furthest = (1,) if is_row(sensor) else (0, 1)
        if max(reach[axis] / sides[axis] for axis in furthest) < 0.5:
            words = f"reach {_far(reach, is_row(sensor))} only: is the sensor smaller (--sensor)?"
            wrong.append(("all of them", words))
    _tell(wrong)
    if args.sheet is not None:
        known = (reach[1],) if row and spans else sensor
        print(save(plot_sheet(shown, known), args.sheet))
    if spans and not 80 < (lasting := 1000 * float(np.median(spans))) < 125:
        print(
            f"they last {lasting:,.0f} ms (median); 100 ms from the first event on are used unless "
            "--duration-ms says otherwise"
        )
    if to_mend:
        return _fix_first(to_mend)
    tell_tasks(root, found, sensor, reach, row)


def _far(reach: tuple[int, int], of_units: bool) -> str:
    """How far events reach, in words."""
    return f"unit {reach[1] - 1}" if of_units else f"x {reach[1] - 1} and y {reach[0] - 1}"


def _fix_first(to_mend: list[str]) -> None:
    """What must be mended before they can be trained on."""
    more = f" and {len(to_mend) - MOST_ALIKE} more" * (len(to_mend) > MOST_ALIKE)
    print(f"fix first: {', '.join(to_mend[:MOST_ALIKE])}{more}")


def _many(number: int, what: str) -> str:
    """So many of something, in words."""
    return f"{number} {what}{'' if number == 1 else 'es' if what.endswith('s') else 's'}"


def short(value: float) -> str:
    """A number of four digits."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _rows(root: Path, args: argparse.Namespace, sensor: tuple[int, ...] | None) -> int | None:
    """Rows from which y counts, where it grows upwards."""
    if args.flip_y and is_row(sensor):
        raise ValueError(f"{root}: --flip-y turns pictures over; units have no rows, leave it out")
    if args.flip_y and sensor is None:
        raise ValueError(
            f"{root}: --flip-y counts y from the last row, and its files do not say how many there "
            "are; give --sensor"
        )
    return sensor[0] if args.flip_y and sensor is not None else None


def _beyond(events, sensor: tuple[int, ...] | None) -> bool:
    """Whether events lie outside of the sensor."""
    sides = () if sensor is None else zip("yx", as_picture(sensor))
    return any(events[axis].min() < 0 or events[axis].max() >= size for axis, size in sides)


def _tell(wrong: list[tuple[str, str]]) -> None:
    """What looks wrong, of the same fault a few alone."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, what in wrong:
        alike.setdefault(re.sub(r"[\d.,]+", "#", what)[:40], []).append((name, what))
    lines = []
    for some in alike.values():
        lines += [f"looks wrong: {name}: {what}" for name, what in some[:MOST_ALIKE]]
        if len(some) > MOST_ALIKE:
            lines.append(f"looks wrong: {len(some) - MOST_ALIKE} more like it")
    print(*lines[:MOST_TOLD], sep="\n", end="\n" * bool(lines))
    if len(lines) > MOST_TOLD:
        print(f"looks wrong: {len(lines) - MOST_TOLD} more")


def _row(events: np.ndarray) -> bool:
    """Whether the events of a recording are of a row of units, and no picture."""
    return not (events["y"].any() or np.ptp(events["p"]))


def tell_tasks(
    root: Path,
    found: list,
    sensor: tuple[int, ...] | None,
    reach: tuple[int, int],
    row: bool = False,
) -> None:
    """Print what is known before training: a sensor that no file states, how many classes there are
    to train, validate and test, and the guide; row: they are of units, not of pixels."""
    if sensor is None:
        print(
            "their files do not say how large the sensor is; events reach "
            f"{_far(reach, row)}: give --sensor"
        )
    dealt_by(found, str(root))  # a ValueError of its own, unlike that of too few classes
    number = len({one.label for one in found})
    try:
        parts = {split: len(names) for split, names in classes_of(found, 0, str(root)).items()}
    except ValueError:
        parts = {}
    ways = min(parts.values(), default=0)
    if ways >= 2:
        if lone := of_one_group(found):
            return _fix_first(lone)
        tell_unused(found, str(root))
        many = ", ".join(f"{split} {count}" for split, count in parts.items())
        print(f"classes by split: {many}; tasks have {ways} ways at most")
    else:
        print(
            f"{_many(number, 'class')} {'is' if number == 1 else 'are'} too few to "
            "meta-train, validate and test: expected 6 or more, two for each; two or more are "
            "enough for --rule classify"
        )
    print(f"how to train on them: {GUIDE}")
