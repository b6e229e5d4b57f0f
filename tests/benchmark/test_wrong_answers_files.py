"""Files of answers that are wrong: a sentence each, and no traceback."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy

from minisnn import cli
from minisnn.benchmark import read
from minisnn.benchmark.answers import read_answers
from minisnn.benchmark.export import FORMAT, MADE_BY
from minisnn.benchmark.series import SERIES, from_manifest

SET = """\
import sys
sys.path.insert(0, {tests!r})
import toy

def pairs(split):
    return toy.small_set(split)
"""
NAME = "pairs-3way-1shot"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("wrong")
    (place / "own.py").write_text(SET.format(tests=str(Path(toy.__file__).parent)))
    line = f"benchmark export {place / 'out'} --dataset {place / 'own.py'}:pairs --no-train --quiet"
    assert cli.main([*line.split(), "--ways", "3", "--queries", "2", "--episodes", "4"]) == 0
    return place


def labels():
    return np.tile([0, 1, 2, 0, 1, 2], (4, 1))


def changed(found, place, value):
    found = found.astype(np.asarray(value).dtype if isinstance(value, float) else found.dtype)
    found[place] = value
    return found


WRONG = {
    "a missing query": (lambda: labels()[:, :5], r"shape \(4, 5\); expected \(4, 6\)"),
    "a missing episode": (lambda: labels()[:3], r"shape \(3, 6\); expected \(4, 6\)"),
    "NaN": (
        lambda: changed(labels(), (2, 3), np.nan),
        "1 answers that are NaN, the first in episode 2, query 3",
    ),
    "a label too large": (
        lambda: changed(labels(), (1, 4), 3),
        "1 labels out of range, the first 3 in episode 1, query 4; expected 0 to 2",
    ),
    "a label below 0": (lambda: changed(labels(), (0, 0), -1), "the first -1 in episode 0"),
    "shares": (lambda: labels() * 1.0, "type float64; expected whole numbers"),
    "truths": (lambda: labels() > 0, "type bool; expected whole numbers"),
    "texts": (lambda: labels().astype(str), "expected whole numbers"),
    "logits": (lambda: np.zeros((4, 6, 3)), r"shape \(4, 6, 3\); expected \(4, 6\)"),
    "objects": (lambda: labels().astype(object), "is not readable as .npz"),
    "a number": (lambda: np.array(1), r"shape \(\); expected \(4, 6\)"),
}


def write(place, made, **changes):
    arrays = {"manifest": (made / "out" / "manifest.json").read_text(), NAME: labels(), **changes}
    np.savez(place, **{name: found for name, found in arrays.items() if found is not None})
    return place


@pytest.mark.parametrize("what", WRONG)
def test_answers_that_are_none(what, made, tmp_path, capsys):
    make, words = WRONG[what]
    place = write(tmp_path / "a.npz", made, **{NAME: make()})
    with pytest.raises(ValueError, match=words) as error:
        read_answers(place)
    assert str(error.value).startswith(f"{place}: ") and "\n" not in str(error.value)
    own = ["--dataset", f"{made / 'own.py'}:pairs", "--quiet"]
    assert cli.main(["benchmark", "score", str(place), *own]) == 2
    said = capsys.readouterr()
    assert said.err == f"minisnn: {error.value}\n" and said.out == ""


def manifest(made, **changes):
    found = json.loads((made / "out" / "manifest.json").read_text())
    found["series"][NAME].update(changes)
    return json.dumps(found)


FOREIGN = {
    "no manifest": (dict(manifest=None), "lacks the text of manifest.json"),
    "a path in its place": (dict(manifest="out/manifest.json"), "its manifest is none of"),
    "another JSON": (dict(manifest="[1]"), "its manifest is none of"),
    "numbers in its place": (dict(manifest=np.arange(3)), "expected a text"),
    "another series": ({"other-5way-1shot": labels()}, "has answers to 'other-5way-1shot'"),
    "nothing": ({NAME: None}, "answers no series"),
    "a name of two lines": (dict(name="a\nb"), "not printable"),
    "a long name": (dict(name="a" * 300), "expected at most 200"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_files_that_lack_something(what, made, tmp_path):
    changes, words = FOREIGN[what]
    with pytest.raises(ValueError, match=words):
        read_answers(write(tmp_path / "a.npz", made, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        dict(episodes=2),
        dict(ways=2),
        dict(dealt="0" * 64),
        dict(identity="0" * 12),
        dict(episodes="4"),
        dict(seed=-1),
        dict(options=[]),
        dict(dealt=None),
    ],
    ids=str,
)
def test_a_manifest_that_was_changed(changes, made, tmp_path):
    place = write(tmp_path / "a.npz", made, manifest=manifest(made, **changes))
    with pytest.raises(ValueError, match="its manifest was changed"):
        read_answers(place)


def test_a_manifest_with_options_of_no_command(made, tmp_path):
    """They would be handed to the set of tasks, whatever they are."""
    told = json.loads((made / "out" / "manifest.json").read_text())["series"][NAME]
    other = replace(from_manifest(NAME, told), options={"camera": 1})
    changes = dict(options=other.options, identity=other.identity(told["dealt"]))
    place = write(tmp_path / "a.npz", made, manifest=manifest(made, **changes))
    with pytest.raises(ValueError, match="has options {'camera': 1}"):
        read_answers(place)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" * 9, b"1,2,3\n"])
def test_foreign_files(content, tmp_path):
    place = tmp_path / "a.npz"
    place.write_bytes(content)
    with pytest.raises(ValueError, match=r"is not readable as .npz .*; expected answers"):
        read_answers(place)
    np.save(tmp_path / "a.npy", labels())
    with pytest.raises(ValueError, match="is not readable as .npz"):
        read_answers(tmp_path / "a.npy")


def test_what_a_library_says_of_a_file_is_cut_short(tmp_path):
    place = tmp_path / "a.npz"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("b" * 3000 + ".npy", b"")
    content = place.read_bytes()
    place.write_bytes(content.replace(b"b" * 3000, b"c" * 3000, 1))
    with pytest.raises(ValueError, match="is not readable as .npz") as error:
        read_answers(place)
    assert len(str(error.value)) < 600


def test_a_member_that_is_no_array(made, tmp_path):
    place = write(tmp_path / "a.npz", made)
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(ValueError, match="a.npz: notes.txt is no array"):
        read_answers(place)


def refused(capsys, *words):
    assert cli.main(["benchmark", "score", *map(str, words), "--quiet"]) == 2
    return capsys.readouterr().err


def test_episodes_of_another_seed_or_set(made, tmp_path, capsys):
    place = write(tmp_path / "a.npz", made)
    own = "--dataset", f"{made / 'own.py'}:pairs"
    assert "the episodes that were answered have the hash" in refused(
        capsys, place, *own, "--seed", "1"
    )
    assert "expected the same recordings, options and seed" in refused(
        capsys, place, *own, "--seed", "1"
    )


def test_no_code_runs_because_answers_name_it(made, tmp_path, capsys):
    place = write(tmp_path / "a.npz", made)
    said = refused(capsys, place)
    assert "give --dataset own.py:pairs --seed" in said and "Traceback" not in said


def test_what_makes_no_sense_to_score(made, tmp_path, capsys):
    assert "nothing to score" in refused(capsys)
    assert "there is no series 'x'" in refused(
        capsys, "--checkpoint", "double_nmnist_maml.h5", "--only", "x"
    )
    place = write(tmp_path / "a.npz", made)
    own = "--dataset", f"{made / 'own.py'}:pairs"
    assert "takes recordings of shape" in refused(
        capsys, place, *own, "--checkpoint", "double_nmnist_maml.h5"
    )
    assert "does not answer y" in refused(capsys, place, *own, "--only", "y")


def test_a_seed_or_no_series_makes_no_sense_where_it_does_nothing(tmp_path, capsys):
    one = replace(SERIES["double-nmnist-5way-1shot"], episodes=1)
    told = {**one.told(), "dealt": "0" * 64, "identity": one.identity("0" * 64)}
    text = json.dumps({"made_by": MADE_BY, "format": FORMAT, "series": {one.name: told}})
    labels = np.zeros((1, one.asked), np.int64)
    np.savez(tmp_path / "a.npz", manifest=np.array(text), **{one.name: labels})
    said = refused(capsys, tmp_path / "a.npz", "--seed", "77")
    assert f"--seed would do nothing for {one.name}, which ships" in said
    assert "--only none: names no series" in refused(capsys, tmp_path / "a.npz", "--only", "none")


def test_read_refuses_to_save_what_would_be_refused(made, tmp_path):
    folder = read.Folder(made / "out")
    for wrong in (labels()[:3], labels() * 1.0):
        with pytest.raises(ValueError, match="expected whole numbers of shape"):
            folder.save(tmp_path / "a.npz", {NAME: wrong})
    assert not (tmp_path / "a.npz").exists()
