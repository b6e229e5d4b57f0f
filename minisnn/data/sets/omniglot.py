"""Omniglot in front of the event camera: 1,623 handwritten characters of 50 alphabets, each drawn
by 20 people.

Lake, Salakhutdinov & Tenenbaum 2015, Science 350:1332 (MIT licence; see data/README.md). Protocols:

    alphabets   25 of the 30 background alphabets meta-train, the other five validate; the
                characters of the 20 evaluation alphabets are only in meta-testing
    random      1,100 characters of all 50 alphabets meta-train, 100 others validate; the remaining
                423 test. Rotated characters are separate classes in every split, and a task may
                have any of them (Santoro et al. 2016, ICML; Vinyals et al. 2016, NeurIPS; Snell et
                al. 2017, NeurIPS). Theirs was drawn differently; ours is in
                omniglot_random.csv
    background  as "alphabets", but all 30 background alphabets meta-train: for a final run, after
                settings were chosen with "alphabets"

Characters turned by 90, 180 and 270 degrees are separate classes in meta-training; by the first
protocol, so are their mirror images.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain, product
from typing import Any, NamedTuple

import numpy as np

from ... import arguments
from ..camera.event_camera import EventCamera
from ..camera.variation import Variation
from ..store.shipped import shipped
from .pool import HELD_OUT, STEPS, Keep, Pieces, Pool, Sight, pool_of_pictures
from .recordings import Recordings
from .samples import SPLITS

BACKGROUND = (  # alphabets in the order of the pictures, and how many characters each has
    "Alphabet_of_the_Magi 20 Anglo-Saxon_Futhorc 29 Arcadian 26 Armenian 41 Asomtavruli 40 "
    "Balinese 24 Bengali 46 Blackfoot 14 "
    "Braille 26 Burmese 34 Cyrillic 33 Early_Aramaic 22 Futurama 26 Grantha 43 Greek 24 Gujarati "
    "48 Hebrew 22 Inuktitut 16 "
    "Hiragana 52 Katakana 47 Korean 40 Latin 26 Malay 40 Mkhedruli 41 N_Ko 33 Ojibwe 14 Sanskrit "
    "42 Syriac 23 Tagalog 17 "
    "Tifinagh 55"
)
EVALUATION = (
    "Angelic 20 Atemayar_Qelisayer 26 Atlantean 26 Aurek-Besh 26 Avesta 26 Ge_ez 26 Glagolitic 45 "
    "Gurmukhi 45 Kannada 41 "
    "Keble 26 Malayalam 47 Manipuri 40 Mongolian 30 Old_Church_Slavonic 45 Oriya 46 Sylheti 28 "
    "Syriac_Serto 23 Tengwar 25 "
    "Tibetan 42 ULOG 26"
)
# background alphabets that are never used to meta-train
VALIDATION = ("Bengali", "Greek", "Hiragana", "Ojibwe", "Tifinagh")
PEOPLE = 20  # number of people who drew each character
TURNS = (0, 90, 180, 270)  # degrees
MIRRORED = 360  # a turn of at least this is mirrored, and turned by its excess over this
CROP, SIZE = (32, 32), (16, 16)  # the sensor's pixels that are counted, and the cells that sum them
LONGEST_MS = 300  # longest recording: the three saccades
PROTOCOLS = ("alphabets", "random", "background")
PART = {"1": "train", "v": "val", "t": "test"}  # letters of omniglot_random.csv


def alphabets(split: str) -> dict[str, np.ndarray]:
    """Return a split's drawings by alphabet: uint8 (characters, 20, 28, 28), 255 = ink."""
    words = (EVALUATION if split == "test" else BACKGROUND).split()
    pictures = _pictures("evaluation" if split == "test" else "background")
    ends = np.cumsum([0, *map(int, words[1::2])])
    found = {name: pictures[a:b] for name, a, b in zip(words[::2], ends, ends[1:])}
    chosen = [name for name in found if split == "test" or (name in VALIDATION) == (split == "val")]
    return {name: found[name] for name in chosen}


def drawings(split: str, protocol: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return a split's characters by alphabet: their indices within the alphabet, and their
    drawings in the form that `alphabets` returns."""
    background = protocol == "background" and split == "train"
    parts = SPLITS if protocol == "random" else ("train", "val") if background else (split,)
    whole = {name: drawn for part in parts for name, drawn in alphabets(part).items()}
    if protocol != "random":
        return {name: (np.arange(len(drawn)), drawn) for name, drawn in whole.items()}
    with shipped("omniglot_random.csv").open(newline="") as file:
        rows = sorted(line.rstrip().split(",") for line in [*file][1:])
    where = {name: np.flatnonzero([PART[lot] == split for lot in lots]) for name, lots in rows}
    return {name: (k, whole[name][k]) for name, k in where.items() if len(k)}


@cache
def _pictures(part: str) -> np.ndarray:
    with np.load(shipped("omniglot_28x28.npz"), allow_pickle=False) as archive:
        bits = np.unpackbits(archive[part], axis=-1)
    return (bits * np.uint8(255)).reshape(-1, PEOPLE, 28, 28)


def turns_of(turned: bool, mirrored: bool = True) -> tuple[int, ...]:
    """List the turns and mirror images of characters, each a separate class."""
    kinds = (*TURNS, *(MIRRORED + turn for turn in TURNS))
    return kinds[: (8 if mirrored else 4) if turned else 1]


def turn_name(turn: int) -> str:
    """Return the part of a class's name that denotes a turn: "+90", or "+90m" if also mirrored;
    "+m" if only mirrored."""
    words = f"{turn % MIRRORED or ''}{'m' * (turn >= MIRRORED)}"
    return f"+{words}" * bool(words)


class Part(NamedTuple):
    """Classes that may meet in a task, and their recordings: the classes' names; one row for each
    recording; and labels (n,), each recording's index into `names`."""

    names: list[str]
    rows: Any
    labels: np.ndarray


def in_turns(
    pieces: Sequence[tuple[int, int, Part]], kinds: Sequence[int], parts: Sequence[Part]
) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    """Return three things: the names of the classes, grouped by turn and part; the label of every
    recording of the pieces (draw, turn, part), in their order; and the first recording of each
    piece."""
    names = [[f"{name}{turn_name(k)}" for name in part.names] for k, part in product(kinds, parts)]
    first = np.cumsum([0, *map(len, names)])
    labels = [first[n % len(names)] + part.labels for n, (*_, part) in enumerate(pieces)]
    return names, np.concatenate(labels), np.cumsum([0, *map(len, labels)])


def alone(names: Sequence[Sequence[str]]) -> dict[str, tuple[int]]:
    """Return the `made_of` mapping for classes that consist of one symbol each."""
    return {name: (k,) for k, name in enumerate(chain.from_iterable(names))}


class Turned(Recordings):
    """Tasks over characters, including turned and mirrored ones."""

    @property
    def turned(self) -> tuple[str, ...]:
        """The classes made by turning or mirroring others, if these are only for training."""
        return tuple(name for name in self.classes if self.alike and "+" in name)


class Omniglot(Turned):
    """Handwritten characters seen by the simulated event camera: samples are uint8 (steps, *size,
    2), one character each.

    split        "train", "val" or "test": characters that meta-train, validate or test
    protocol     "alphabets", "random" or "background", which determines these characters
    seed         seed for the simulated camera's noise
    size         rows and columns of cells (equally many) into which the middle 32 x 32 pixels of
                 the sensor are summed
    bin_ms       length of a time step, whole ms. With 1, a recording covers only the first
                 saccade, which moves mainly up and down; with 3, it covers all three
    duration_ms  length of a recording, ms, a multiple of bin_ms up to 300; None: 100 steps
    centred      whether every recording is shifted by whole pixels so that its mean event is in the
                middle. People draw a character at positions that differ by 1.3 pixels of 28, which
                costs a nearest neighbour on blurred pictures 16 points
    turns        whether characters turned by 90, 180 and 270 degrees, and mirrored, are classes
                 too; None: in meta-training; with the protocol "random", rotations in every split
    classes      "train": the unturned characters that meta-train, to train a classifier of them.
                 With split "train" they have the drawings by four in five people, otherwise those
                 by the other people
    camera       an EventCamera in place of the default one
    draws        recordings of each drawing, each with another scene and sensor
                 (`camera.variation`), seeded by the drawing's number in its alphabet; 0: one
                 recording, with the same sensor for all
    cache        whether to use the cache for recordings
    progress     whether to show a progress bar in a terminal while recordings are made

    A class is named by alphabet, character and turn: "Greek-07", "Greek-07+90", mirrored
    "Greek-07+m". Recordings are made when a task first needs one of their characters, for one
    alphabet and one turn at a time.

    >>> tasks = ms.Omniglot("val", size=(8, 8), cache=False, progress=False)
    >>> len(tasks.classes), tasks.input_shape
    (191, (8, 8, 2))
    """

    def __init__(
        self,
        split: str = "train",
        root: None = None,
        *,
        seed: int = 0,
        size: tuple[int, int] = SIZE,
        bin_ms: float = 1,
        duration_ms: float | None = None,
        protocol: str = "alphabets",
        centred: bool = False,
        turns: bool | None = None,
        classes: str | None = None,
        camera: EventCamera | None = None,
        draws: int = 0,
        cache: bool = True,
        progress: bool = True,
    ):
        arguments.one_of("split", split, SPLITS)
        arguments.one_of("protocol", protocol, PROTOCOLS)
        arguments.must("root", root is None, "None: Omniglot ships with its pictures", root)
        arguments.must("classes", classes in (None, "train"), "'train' or None", classes)
        good = len(size) == 2 and size[0] == size[1] >= 1 and not CROP[0] % size[0]
        expected = f"as many rows as columns, of which each is whole pixels of {CROP}"
        arguments.need("size", tuple(size), good, expected)
        whole = bin_ms in range(1, LONGEST_MS + 1)
        arguments.need("bin_ms", bin_ms, whole, f"whole milliseconds, 1 to {LONGEST_MS}")
        lasting = STEPS * bin_ms if duration_ms is None else duration_ms
        good = bin_ms <= lasting <= LONGEST_MS and not lasting % bin_ms
        expected = f"a multiple of bin_ms, {bin_ms}, up to {LONGEST_MS}, the longest recording"
        arguments.need("duration_ms", lasting, good, expected)
        if protocol == "background" and split == "val" and classes is None:
            raise ValueError(
                "omniglot-background has nothing that validates, as all background alphabets "
                "meta-train; expected settings chosen with omniglot, and training that does not "
                "validate (evaluate_every 0)"
            )
        known = classes == "train"
        trains = split == "train"
        part = "train" if known else split
        camera = camera or EventCamera()
        if draws and camera.variation is None:
            camera = replace(camera, variation=Variation())
        how: dict[str, Any] = dict(
            step_ms=int(bin_ms), centred=centred, steps=int(lasting // bin_ms)
        )
        sight = Sight(camera, seed, CROP, CROP[0] // size[0], **how)
        keep = Keep(cache, progress)
        drawn = drawings(part, protocol)
        mixed = protocol == "random"  # a task may have characters in any turn
        turned = (trains or mixed) and not known if turns is None else turns
        kinds = turns_of(turned, mirrored=not mixed or turns is not None)
        pieces = list(product(range(max(draws, 1)), kinds, drawn))
        parts = {
            name: Part(
                [f"{name}-{k + 1:02d}" for k in where], None, np.arange(len(where)).repeat(PEOPLE)
            )
            for name, (where, _) in drawn.items()
        }
        of = [(draw, turn, parts[name]) for draw, turn, name in pieces]
        names, labels, start = in_turns(of, kinds, list(parts.values()))
        made_from = [part, pieces, sight._asdict(), [pictures for _, pictures in drawn.values()]]
        make = partial(_recorded, (part, protocol), tuple(pieces), sight, keep)
        pool = Pieces(sight.shape, labels, np.arange(len(labels)), start, make, made_from)
        made_of = alone(names)
        each = len(made_of) // len(kinds)
        count = f"{len(drawn)} {'evaluation' if part == 'test' else 'background'} alphabets"
        if mixed:
            count = f"{each} {part} characters of {len(drawn)} alphabets"
        drawing = pool.numbers % (len(made_of) * PEOPLE)
        groups = {"drawing": drawing} if draws > 1 and not trains else None
        source = f"Omniglot, {count}"
        super().__init__(pool, made_of=made_of, source=source, kind="character", groups=groups)
        self.centred = centred
        if not mixed:
            flat = list(made_of)
            self.alike = [flat[k : k + each] for k in range(0, len(flat), each)]
        if known:  # drawings are in the order of the people
            people = drawing % PEOPLE % HELD_OUT != HELD_OUT - 1
            self.symbols = {
                one: where[people[where] == trains] for one, where in self.symbols.items()
            }


def _recorded(
    of: tuple[str, str], pieces: tuple[tuple[int, int, str], ...], sight: Sight, keep: Keep, k: int
) -> Pool:
    """Record piece k: the turned characters of one alphabet, in one draw of the camera. of: (split,
    protocol)."""
    draw, turn, name = pieces[k]
    where, pictures = drawings(*of)[name]
    pictures = np.rot90(pictures.reshape(-1, 28, 28), -(turn // 90), axes=(1, 2))
    pictures = thickened(pictures[:, :, ::-1] if turn >= MIRRORED else pictures)
    numbers = np.arange(len(pictures))
    # different for each recording of an alphabet, except for its mirror image
    of_alphabet = (PEOPLE * where[:, None] + np.arange(PEOPLE)).reshape(-1)
    return pool_of_pictures(
        "omniglot",
        pictures.__getitem__,
        numbers // PEOPLE,
        numbers,
        4 * (of_alphabet + PEOPLE * (where[-1] + 1) * draw) + turn // 90 % 4,
        None,
        sight,
        keep,
        f"drawings of {name}{turn_name(turn)}",
        images=pictures,
    )


def thickened(pictures: np.ndarray) -> np.ndarray:
    """Thicken strokes by half a pixel in each direction: each pixel goes halfway to its darkest
    neighbour. The strokes then look like a pen's on the sensor's 34 x 34 pixels."""
    from scipy.ndimage import maximum_filter

    return pictures // 2 + maximum_filter(pictures, (1, 3, 3)) // 2
