"""Files of pen strokes: what is written is read again, and each thing that can be wrong gets a
sentence."""

import numpy as np
import pytest
import strokes

import minisnn as ms

MEMBERS = "xy t stroke drawing character drawer names".split()


@pytest.fixture
def arrays(path):
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def test_what_is_written_is_read_again(path):
    found = ms.read_strokes(path)
    assert len(found) == sum(strokes.ALPHABETS.values()) * strokes.DRAWERS
    assert found.alphabets == list(strokes.ALPHABETS)
    for number in (0, 17, len(found) - 1):
        made = strokes.character(int(found.character[number]), int(found.drawer[number]))
        for one, other in zip(made, found.of(number), strict=True):
            assert np.abs(one.xy - other.xy).max() <= 1 / 16 and np.array_equal(one.t, other.t)


WRONG = {
    "fractions": (lambda a: a.update(xy=a["xy"] / 2), "xy"),
    "three columns": (lambda a: a.update(xy=np.zeros((9, 3), int)), "xy"),
    "a time short": (lambda a: a.update(t=a["t"][1:]), "t is"),
    "a gap": (lambda a: a["stroke"].__setitem__(2, a["stroke"][1]), "stroke"),
    "falling": (lambda a: a["drawing"].__setitem__(3, 0), "drawing"),
    "begins late": (lambda a: a["stroke"].__setitem__(0, 1), "stroke"),
    "ends early": (lambda a: a.update(stroke=a["stroke"][:-1]), "stroke"),
    "no drawings": (lambda a: a.update(drawing=a["drawing"][:1]), "drawing"),
    "a label short": (lambda a: a.update(character=a["character"][1:]), "character"),
    "unknown": (lambda a: a["character"].__setitem__(5, 99), "0 to 99"),
    "nobody": (lambda a: a["drawer"].__setitem__(5, -3), "-3 to"),
    "far": (lambda a: a["xy"].__setitem__((4, 0), 9000), "to 9000"),
    "before": (lambda a: a["t"].__setitem__(4, -2), "-2 to"),
    "twice": (lambda a: a["names"].__setitem__(0, a["names"][1]), "names"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_is_wrong_gets_a_sentence(what, arrays, tmp_path):
    change, word = WRONG[what]
    change(arrays)
    np.savez(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(ValueError, match="wrong.npz") as error:
        ms.read_strokes(tmp_path / "wrong.npz")
    assert word in str(error.value)


def test_a_folder_is_read_as_it_is_published(tmp_path):
    made = strokes.drawings({"Latin": 2, "Ogham": 1}, 3)
    folder = tmp_path / "strokes_background"
    for k in range(len(made)):
        alphabet, _, number = str(made.names[made.character[k]]).partition("/")
        place = folder / alphabet / f"character{number}"
        place.mkdir(parents=True, exist_ok=True)
        lines = ["START"]
        for xy, t in made.of(k):
            lines += [f"{x:f},{-y:f},{ms:f}" for (x, y), ms in zip(xy, t)] + ["BREAK"]
        (place / f"0{number}_{made.drawer[k]:02d}.txt").write_text("\n".join(lines) + "\n")
    for place in (folder, tmp_path):
        found = ms.read_strokes(place)
        for name in MEMBERS:
            assert np.array_equal(getattr(made, name), getattr(found, name)), name
    text = folder / "Ogham" / "character01" / "001_02.txt"
    for contents in ("1,-2,3\nBREAK", "START\nBREAK\n", "START\n1,-2,nan", "START\n999,-2,4\n"):
        text.write_text(contents)
        with pytest.raises(ValueError, match="strokes_background"):
            ms.read_strokes(folder)
