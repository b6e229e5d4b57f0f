"""Omniglot before the event camera: 1,623 handwritten characters of 50 alphabets, each drawn by 20
people.

Lake, Salakhutdinov & Tenenbaum 2015, Science 350:1332 (MIT licence; see data/README.md). The 30
background alphabets meta-train but for five, which validate; the characters of the 20 evaluation
alphabets are met in meta-testing alone. Characters turned by 90, 180 and 270 degrees are classes of
their own in meta-training (Santoro et al. 2016, ICML; Finn et al. 2017, ICML), and so are their
mirror images.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from ...meta.tasks import Task
from ..store.cache import code_identity
from ..store.shipped import shipped
from .pool import Pieces, Pool
from .pools import HELD_OUT, STEPS, Keep, Sight, pool_of_pictures
from .recordings import SPLITS, Recordings
from ..camera.event_camera import EventCamera
from ..camera.variation import Variation

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
# of the background; never meta-train
VALIDATION = (
    "Bengali",
    "Greek",
    "Hiragana",
    "Ojibwe",
    "Tifinagh",
)
PEOPLE = 20  # who drew each character
TURNS = (0, 90, 180, 270)  # degrees
MIRRORED = 360  # and more: turned by the rest, and then mirrored
# pixels of the sensor that count, and the cells that they are summed in
CROP, SIZE = (
    (32, 32),
    (16, 16),
)
LONGEST_MS = 3  # of a time step: a hundred of them hold the three saccades


def alphabets(split: str) -> dict[str, np.ndarray]:
    """Drawings of a split by alphabet: uint8 (characters, 20, 28, 28), 255 = ink."""
    pictures = _pictures("evaluation" if split == "test" else "background")
    first = 0
    found = {}
    words = (EVALUATION if split == "test" else BACKGROUND).split()
    for name, number in zip(words[::2], map(int, words[1::2])):
        if split == "test" or (name in VALIDATION) == (split == "val"):
            found[name] = pictures[first : first + number]
        first += number
    return found


@cache
def _pictures(part: str) -> np.ndarray:
    with np.load(shipped("omniglot_28x28.npz"), allow_pickle=False) as archive:
        bits = np.unpackbits(archive[part], axis=-1)
    return (bits * np.uint8(255)).reshape(-1, PEOPLE, 28, 28)


class Omniglot(Recordings):
    """Handwritten characters seen by the simulated event camera: samples are uint8 (100, *size, 2),
    one character each.

    split        "train", "val" or "test": alphabets that meta-train, five others of the background,
                 the evaluation alphabets
    seed         of the simulated camera's noise
    size         rows and columns of cells, as many of each, into which the middle 32 x 32 pixels of
                 the sensor are summed
    bin_ms       length of a time step, ms: from 1, the first saccade alone, which moves mainly up
                 and down, to 3, all three
    centred      whether every recording is shifted by whole pixels so that its mean event lies in
                 the middle. People put a character 1.3 pixels of 28 from where others do, which
                 costs a blurred picture's nearest neighbour 16 points
    turns        whether characters turned by 90, 180 and 270 degrees, and mirrored, are classes
                 too; None: in meta-training
    classes      "train": the unturned characters that meta-train, to train a classifier of them.
                 With split "train" they are drawings by four in five people, else drawings by the
                 others
    camera       an EventCamera in place of the default one
    draws        recordings of each drawing, each with a scene and a sensor of its own
                 (`camera.variation`); 0: one, by one sensor
    cache        whether recordings are kept in the cache, and looked for there
    progress     whether a terminal shows a progress bar while recordings are made

    A class is named by alphabet, character and turn: "Greek-07", "Greek-07+90", mirrored
    "Greek-07+m". Recordings are made for an alphabet and a turn at a time, when a task first asks
    for one of its characters.

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
        centred: bool = False,
        turns: bool | None = None,
        classes: str | None = None,
        camera: EventCamera | None = None,
        draws: int = 0,
        cache: bool = True,
        progress: bool = True,
    ):
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}, expected 'train', 'val' or 'test'")
        if root is not None:
            raise ValueError(f"root is {root}; Omniglot ships with its pictures, leave it out")
        if len(size) != 2 or size[0] != size[1] or size[0] < 1 or CROP[0] % size[0]:
            raise ValueError(
                f"size is {tuple(size)}, expected as many rows as columns, of which each is whole "
                f"pixels of {CROP}"
            )
        if bin_ms not in range(1, LONGEST_MS + 1):
            raise ValueError(
                f"bin_ms is {bin_ms}, expected whole milliseconds, 1 to {LONGEST_MS}: {STEPS} "
                "steps are a recording"
            )
        if classes not in (None, "train"):
            raise ValueError(f"classes is {classes!r}, expected 'train' or None")
        known = classes == "train"
        trains = split == "train"
        self.centred = centred
        split, turns = (
            ("train", bool(turns)) if known else (split, trains if turns is None else turns)
        )
        camera = camera or EventCamera()
        if draws and camera.variation is None:
            camera = replace(camera, variation=Variation())
        chosen = (*TURNS, *(MIRRORED + turn for turn in TURNS)) if turns else TURNS[:1]
        pieces = [
            (name, turn, draw)
            for draw in range(max(draws, 1))
            for turn in chosen
            for name in alphabets(split)
        ]
        sizes = {name: len(pictures) for name, pictures in alphabets(split).items()}
        first = dict(
            zip(
                [(n, t) for t in chosen for n in sizes],
                np.cumsum([0, *[sizes[n] for _ in chosen for n in sizes]]),
            )
        )
        labels = [
            np.repeat(first[name, turn] + np.arange(sizes[name]), PEOPLE)
            for name, turn, _ in pieces
        ]
        start = np.cumsum([0, *map(len, labels)])
        whole = np.concatenate(labels)
        sight = Sight(camera, seed, CROP, CROP[0] // size[0], step_ms=int(bin_ms), centred=centred)
        make = partial(_recorded, split, tuple(pieces), sight, Keep(cache, progress))
        pool = Pieces(
            _shape(size[0]),
            whole,
            np.arange(len(whole)),
            start,
            make,
            [split, pieces, sight.identity(), list(alphabets(split).values())],
        )
        names = [
            f"{n}-{k + 1:02d}{_told(t)}" for t in chosen for n in sizes for k in range(sizes[n])
        ]
        source = (
            f"Omniglot, {len(sizes)} {'evaluation' if split == 'test' else 'background'} alphabets"
        )
        drawing = pool.numbers % (len(whole) // max(draws, 1))
        groups = {"drawing": drawing} if draws > 1 and not trains else None
        super().__init__(
            pool,
            made_of={name: (k,) for k, name in enumerate(names)},
            source=source,
            kind="character",
            groups=groups,
        )
        if known:  # drawings are in the order of the people
            people = drawing % PEOPLE % HELD_OUT != HELD_OUT - 1
            self.symbols = {
                one: where[people[where] == trains] for one, where in self.symbols.items()
            }

    def sample_task(
        self,
        rng: np.random.Generator,
        ways: int = 5,
        shots: int = 1,
        queries: int = 5,
        classes: Sequence[str] | None = None,
    ) -> Task:
        """As `Recordings.sample_task`; without given classes, a turn with enough classes is drawn
        first, for all of them."""
        if classes is None and ways > 0:
            turned: dict[str, list[str]] = {}
            for name in self.classes:
                turned.setdefault(name.partition("+")[2], []).append(name)
            enough = [names for names in turned.values() if len(names) >= ways]
            if enough and len(turned) > 1:
                alike = enough[rng.integers(len(enough))]
                classes = [alike[k] for k in rng.choice(len(alike), size=ways, replace=False)]
        return super().sample_task(rng, ways, shots, queries, classes)


def _told(turn: int) -> str:
    """A turn in the name of a class."""
    return f"+{turn % MIRRORED}" * (turn % MIRRORED > 0) + ("+m" if turn == MIRRORED else "m") * (
        turn >= MIRRORED
    )


def _shape(side: int) -> tuple[int, int, int, int]:
    return STEPS, side, side, 2


def _recorded(
    split: str, pieces: tuple[tuple[str, int, int], ...], sight: Sight, keep: Keep, k: int
) -> Pool:
    """Piece k: an alphabet, turned, by one draw of the camera."""
    name, turn, draw = pieces[k]
    pictures = alphabets(split)[name].reshape(-1, 28, 28)
    pictures = np.rot90(pictures, -(turn // 90), axes=(1, 2))
    pictures = thickened(pictures[:, :, ::-1] if turn >= MIRRORED else pictures)
    labels = np.repeat(np.arange(len(pictures) // PEOPLE), PEOPLE)
    numbers = np.arange(len(pictures))
    # each recording's own, but for its mirror image
    noise = 4 * numbers + turn // 90 % 4 + 4 * len(pictures) * draw
    told = f", turned by {turn % MIRRORED} degrees" * (turn % MIRRORED > 0) + ", mirrored" * (
        turn >= MIRRORED
    )
    return pool_of_pictures(
        "omniglot",
        _shape(CROP[0] // sight.scale),
        pictures.__getitem__,
        labels,
        numbers,
        numbers,
        sight,
        keep,
        f"drawings of {name}{told}",
        noise,
        code_identity(__name__),
        images=pictures,
    )


def thickened(pictures: np.ndarray) -> np.ndarray:
    """Strokes half a pixel wider each way, as a pen's before the sensor's 34 x 34 pixels: halfway
    to the darkest neighbour."""
    from scipy.ndimage import maximum_filter

    return pictures // 2 + maximum_filter(pictures, (1, 3, 3)) // 2
