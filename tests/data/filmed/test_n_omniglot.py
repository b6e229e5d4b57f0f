"""N-Omniglot is read as it is published and as converters leave it, event for event; what is
damaged or missing is said."""

import importlib.util

import filmed
import numpy as np
import pytest

from minisnn import cli
from minisnn.data.filmed import archive
from minisnn.data.filmed.n_omniglot import NOmniglot, counts
from minisnn.data.sets.named import open_set

needs_faery = pytest.mark.skipif(
    importlib.util.find_spec("faery") is None,
    reason="faery reads files of cameras: pip install 'minisnn[cameras]'",
)
BOTH = {"Arcadian": 2, "Greek": 2}


@needs_faery
def test_events_of_another_writer_come_back_one_by_one():
    """Written by the camera's own library: packed, in packets, with other streams between them."""
    found = archive.recording(filmed.GOLDEN)
    np.testing.assert_array_equal(found, filmed.events())


@needs_faery
def test_samples_are_cut_as_the_table_says(tmp_path):
    filmed.archive(tmp_path, {"Greek": 1})
    (one,) = archive.characters(tmp_path, "background")
    found = list(archive.samples(one))
    whole = filmed.events()
    assert len(found) == 20
    for k, sample in enumerate(found):
        first = whole["t"].tolist().index(filmed.rows()[k][1])
        last = whole["t"].tolist().index(filmed.rows()[k][2])
        np.testing.assert_array_equal(sample, whole[first:last])


@needs_faery
def test_both_forms_give_the_same_tasks(tmp_path):
    how = dict(cache=False, progress=False)
    sets = [
        NOmniglot("train", make(tmp_path / name, {"Arcadian": 3}), **how)
        for name, make in (("published", filmed.archive), ("converted", filmed.converted))
    ]
    one, other = (tasks.episode(0, 1, 3, 2, 4) for tasks in sets)
    assert one.classes == other.classes and one.x_query.shape == (12, 12, 28, 28, 2)
    np.testing.assert_array_equal(one.x_query, other.x_query)
    np.testing.assert_array_equal(one.x_support, other.x_support)
    assert one.x_query.sum() > 0


def test_a_sample_is_twelve_frames_of_equal_length():
    """In plain loops; the last frame has what division leaves, and the screen alone counts."""
    events = filmed.events()[:10]
    events["x"], events["y"] = 54 + np.arange(10) * 25, 4 + np.arange(10) * 25
    found = counts(events, (10, 10), None)
    length = (events["t"][-1] - events["t"][0]) // 12
    expected = np.zeros((12, 10, 10, 2))
    for k, event in enumerate(events):
        frame = min((event["t"] - events["t"][0]) // length, 11)
        expected[frame, k, k, event["p"]] += 1
    np.testing.assert_array_equal(found, expected)
    events["x"][3], events["y"][4], events["x"][5] = 53, 254, 304
    assert counts(events, (10, 10), None).sum() == 7
    assert counts(events, (10, 10), (1.0, 100.0)).shape == (100, 10, 10, 2)


def test_alphabets_go_where_the_paper_has_them(tmp_path):
    filmed.converted(tmp_path, {**BOTH, "Japanese_(hiragana)": 2})
    filmed.converted(tmp_path, {"Keble": 3}, "evaluation")
    sets = {split: open_set("n-omniglot", split, tmp_path, False) for split in ("train", "val")}
    assert sets["train"].classes == ("Arcadian-01", "Arcadian-02")
    assert sets["val"].classes[0] == "Greek-01" and len(sets["val"].classes) == 4
    assert len(open_set("n-omniglot", "test", tmp_path, False).classes) == 3
    known = [NOmniglot(split, tmp_path, classes="train", progress=False) for split in sets]
    assert [len(one.symbols[0]) for one in known] == [16, 4]
    assert known[0].classes == known[1].classes == sets["train"].classes


def test_a_network_meta_trains_on_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    filmed.converted(tmp_path / "n", {**BOTH, "Braille": 2})
    filmed.converted(tmp_path / "n", {"Keble": 3}, "evaluation")
    words = "train --dataset n-omniglot --root n --size 8,8 --ways 2 --channels 4 --window 12"
    few = "--updates 2 --evaluate-every 1 --evaluate-episodes 2 --test-episodes 2 --queries 2"
    assert cli.main([*words.split(), *few.split(), "--prototype-updates", "0", "--quiet"]) == 0


WRONG_TABLES = {
    "a row too few": (filmed.table(filmed.rows()[:19]), "has 19 rows below its heading"),
    "a row too many": (filmed.table([*filmed.rows(), (21, 2**50 + 1, 2**50 + 2)]), "has 21 rows"),
    "no heading": (filmed.table().partition("\n")[2], "has 19 rows below its heading"),
    "a cell too few": (filmed.table().replace("number,start,end\n1,", "a\n", 1), "line 2 has"),
    "a word": (filmed.table().replace("\n5,", "\n5,x", 1), "line 6 has '5,x"),
    "NaN": (filmed.table([(1, "nan", "nan"), *filmed.rows()[1:]]), "line 2 has '1,nan,nan'"),
    "too large": (filmed.table([(1, 0, "9" * 19), *filmed.rows()[1:]]), "line 2 has"),
    "backwards": (
        filmed.table([(n, b, a) for n, a, b in filmed.rows()]),
        "overlap or end before they begin",
    ),
    "overlapping": (
        filmed.table([(1, filmed.rows()[0][1], filmed.rows()[2][2]), *filmed.rows()[1:]]),
        "overlap or end before they begin",
    ),
    "no text": ("\x00" * 40, "rows below its heading"),
}


@pytest.mark.parametrize("what", WRONG_TABLES)
def test_wrong_tables(what, tmp_path):
    text, words = WRONG_TABLES[what]
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=words) as error:
        archive.table(tmp_path / "a.csv")
    assert str(error.value).startswith(f"{tmp_path / 'a.csv'}: ")


def test_a_table_may_have_times_with_a_point_and_other_ends_of_lines(tmp_path):
    path = tmp_path / "a.csv"
    given = [(k, f"{a}.0", f" {b}") for k, a, b in filmed.rows()]
    path.write_bytes(b"\xef\xbb\xbf" + filmed.table(given).replace("\n", "\r\n").encode())
    assert archive.table(path).tolist() == [[a, b] for _, a, b in filmed.rows()]


@needs_faery
def test_a_table_of_another_recording(tmp_path):
    filmed.archive(tmp_path, {"Greek": 1})
    (one,) = archive.characters(tmp_path, "background")
    for by in (-(10**9), -1, 1, 10**9):
        rows = [(k, a + by * (k == 3), b + by * (k == 3)) for k, a, b in filmed.rows()]
        rows.sort(key=lambda row: row[1])
        one.files[1].write_text(filmed.table(rows))
        with pytest.raises(ValueError, match="0001.aedat4: has no event at .*, where sample"):
            list(archive.samples(one))


@needs_faery
def test_a_recording_of_another_camera(tmp_path):
    import faery

    made = np.zeros(20, faery.EVENTS_DTYPE)
    made["t"] = np.arange(20)
    faery.events_stream_from_array(made, (34, 34)).to_file(tmp_path / "a.aedat4")
    with pytest.raises(ValueError, match="is of 34 x 34 pixels; expected a DAVIS346's, 260 x 346"):
        archive.recording(tmp_path / "a.aedat4")


def test_folders_that_are_none(tmp_path):
    def said(part="background"):
        with pytest.raises(ValueError) as error:
            archive.characters(tmp_path, part)
        return str(error.value)

    assert "has no folder dvs_background, nor events_np/background" in said()
    (tmp_path / "events_npy").mkdir()
    assert "pickled dictionaries, which may run code" in said()
    place = tmp_path / "dvs_background_1" / "Greek" / "character01"
    assert "no folder dvs_evaluation" in said("evaluation") or "pickled" in said("evaluation")
    place.parent.mkdir(parents=True)
    assert "holds no folder ALPHABET/character01" in said()
    place.mkdir()
    assert "holds 0 samples; expected 20" in said()
    (place / "0001.aedat4").write_bytes(b"")
    assert "0 of its 1 recordings have a table of the same name" in said()
    (place / "0001.csv").write_text("")
    (twin := tmp_path / "dvs_background_2" / "Greek" / "character01").mkdir(parents=True)
    for name in ("0001.aedat4", "0001.csv"):
        (twin / name).write_bytes(b"")
    assert "Greek-01 is at" in said()


def test_what_is_asked_wrongly(tmp_path):
    filmed.converted(tmp_path, {"Greek": 2})
    for how, words in (
        (dict(root=None), "needs a root"),
        (dict(size=(300, 28)), r"size is \(300, 28\); expected"),
        (dict(duration_ms=100.0), "duration_ms needs bin_ms"),
        (dict(classes="all"), "classes must be"),
        ({}, "has no character to train on"),
    ):
        with pytest.raises(ValueError, match=words):
            NOmniglot("train", **{"root": tmp_path, "progress": False, **how})
