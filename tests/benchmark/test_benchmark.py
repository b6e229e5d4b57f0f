"""A benchmark goes out as files that NumPy reads, and answers come back as a score that is that of
`evaluate`."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy

from minisnn import cli
from minisnn.benchmark import dealing, read
from minisnn.benchmark.score import FRAMES, kept, packed, score as score_of, unpacked
from minisnn.benchmark.series import IDENTITIES, SERIES, from_manifest
from minisnn.commands import benchmark
from minisnn.results.kinds import KINDS
from minisnn.results.record import Record
from minisnn.training.baselines import compare, frames

SET = """\
import sys
sys.path.insert(0, {tests!r})
import toy

def pairs(split):
    return toy.small_set(split, 0.01, 6 if split == "train" else 5)

def single(split):
    return toy.ToySet(split)
"""
EPISODES, NAME = 6, "pairs-3way-2shot"
SIZE = dict(ways=3, shots=2, queries=4)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of an exported benchmark over `toy.small_set`, and what the command said."""
    place = tmp_path_factory.mktemp("benchmark")
    (place / "own.py").write_text(SET.format(tests=str(Path(__file__).parents[1])))
    line = f"benchmark export {place / 'out'} --dataset {place / 'own.py'}:pairs --seed 3 --quiet"
    sizes = " ".join(f"--{name} {number}" for name, number in SIZE.items())
    assert cli.main([*line.split(), *sizes.split(), "--episodes", str(EPISODES)]) == 0
    return place


@pytest.fixture
def folder(made):
    return read.Folder(made / "out")


def nearest(folder, series=NAME):
    """Answers by the class means of summed frames, from what was exported alone."""
    rows = []
    for episode in folder.episodes(series):
        x, q = (
            part.sum(1).reshape(len(part), -1).astype(float)
            for part in (episode.support, episode.query)
        )
        means = np.stack([x[episode.labels == k].mean(0) for k in range(3)])
        rows.append(((q[:, None] - means) ** 2).sum(-1).argmin(1))
    return np.array(rows)


def score(made, capsys, *words):
    """(exit code, what was printed, what went wrong) of `minisnn benchmark score`."""
    own = ["--dataset", f"{made / 'own.py'}:pairs", "--seed", "3", "--quiet"]
    code = cli.main(["benchmark", "score", *map(str, words), *own])
    found = capsys.readouterr()
    return code, found.out, found.err


def test_answers_from_the_files_alone_are_scored_as_evaluate_scores_the_rule(
    made, folder, tmp_path, capsys
):
    """The class means that NumPy finds in the files, and those that the library finds in the tasks,
    are one rule: accuracy and both intervals are the same, and the paired difference is nothing."""
    folder.save(tmp_path / "answers.npz", {NAME: nearest(folder)}, "NumPy alone", "means")
    out = tmp_path / "score.json"
    code, said, _ = score(made, capsys, tmp_path / "answers.npz", "--json", out)
    assert code == 0
    tasks = toy.small_set(share=0.01)
    (row,) = compare(tasks, {"frames": frames}, EPISODES, 3, **SIZE).values()
    assert 0.4 < row.mean < 1
    found = json.loads(out.read_text())["series"][NAME]
    assert list(found["entries"]) == ["NumPy alone", "class means of summed frames"]
    own = found["entries"]["NumPy alone"]
    assert own["accuracy"] == row.mean and own["ci95"] == row.ci95
    assert own["per_episode"] == row.per_episode
    assert own["interval"] == row.interval.told()
    assert found["rules"]["class means of summed frames"]["less"][0] == 0
    line = next(line for line in said.splitlines() if "NumPy alone" in line)
    assert f"{100 * row.mean:.1f} ± " in " ".join(line.split()) and line.count("±") == 2
    assert "a benchmark of yours" in said


def test_episodes_in_the_files_are_those_of_the_set(folder):
    tasks = toy.small_set(share=0.01)
    for index, episode in enumerate(folder.episodes(NAME)):
        task = tasks.episode(3, index, **SIZE)
        np.testing.assert_array_equal(episode.support, task.x_support)
        np.testing.assert_array_equal(episode.labels, task.y_support)
        given, asked = (
            sorted(one.tobytes() for one in part) for part in (episode.query, task.x_query)
        )
        assert given == asked


def test_a_list_of_events_and_bins_say_the_same(folder):
    recordings = folder.recordings(NAME)
    most = int(np.diff(recordings.start).argmax())
    seen = recordings.events(most)
    dense = recordings.bins([[most]])[0]
    assert dense.sum() == len(seen["t"]) > 6 and (np.diff(seen["t"].astype(int)) >= 0).all()
    for place in zip(*(seen[name] for name in "tyxp")):
        assert dense[place] == sum(place == one for one in zip(*(seen[n] for n in "tyxp")))
    pair = recordings.bins([[most, 0]])[0]
    np.testing.assert_array_equal(pair[:, :, : dense.shape[2]], dense)
    np.testing.assert_array_equal(pair[:, :, dense.shape[2] :], recordings.bins([[0]])[0])


def test_no_label_of_a_query_is_in_the_folder(made, folder):
    """Neither as an array nor in the order of the queries, which would be sorted by class."""
    found = folder.drawn(NAME)
    assert sorted(found) == ["labels", "query", "support"]
    assert found["labels"].shape == (EPISODES, 6) and found["query"].shape == (EPISODES, 12, 2)
    (series,) = folder.series.values()
    assert series["seed"] is None and "truth" not in json.dumps(folder.manifest)
    known = replace(from_manifest(NAME, series, 3), secret=False)
    truth = dealing.truth_of(known, toy.small_set(share=0.01)).labels
    assert (np.sort(truth, 1) == np.repeat(np.arange(3), 4)).all()
    assert not any((np.diff(row) >= 0).all() for row in truth)
    assert len({row.tobytes() for row in truth}) == EPISODES


def test_recordings_to_learn_from_are_those_of_the_training_set(folder):
    tasks = toy.small_set("train", 0.01, 6)
    training = folder.training(NAME)
    assert training.names == list(tasks.classes) and len(training.recordings) == len(tasks.pool)
    drawn = training.draw(np.random.default_rng(0), 4, 5)
    assert drawn.shape == (4, 5, 2)
    shown = {tuple(training.label[row]) for row in drawn.reshape(-1, 2)}
    assert shown <= set(map(tuple, training.classes)) and len(shown) == 4
    whole = training.recordings.bins(np.arange(len(training.recordings))[:, None])
    of = [sorted(one.tobytes() for one in part) for part in (whole, tasks.pool.dense(range(240)))]
    assert of[0] == of[1]


def test_the_same_seed_gives_the_same_bytes(made, tmp_path):
    line = f"benchmark export {tmp_path / 'out'} --dataset {made / 'own.py'}:pairs --seed 3 --quiet"
    sizes = " ".join(f"--{name} {number}" for name, number in SIZE.items())
    assert cli.main([*line.split(), *sizes.split(), "--episodes", str(EPISODES)]) == 0
    names = sorted(path.relative_to(made / "out") for path in (made / "out").rglob("*.*"))
    assert len(names) == 6
    for name in names:
        assert (made / "out" / name).read_bytes() == (tmp_path / "out" / name).read_bytes(), name


OTHERS = """
def pairs(split):
    return toy.small_set(split, 0.01, 8)
"""


def test_other_recordings_of_the_same_numbers_are_another_series(made, folder, tmp_path, capsys):
    """Of a set of one's own, which may have changed between two exports."""
    (tmp_path / "own.py").write_text(SET.format(tests=str(Path(__file__).parents[1])) + OTHERS)
    dealt = dealing.truth_of(replace(folder_series(folder), seed=3), toy.small_set("test", 0.01, 5))
    other = dealing.truth_of(replace(folder_series(folder), seed=3), toy.small_set("test", 0.01, 8))
    assert dealt.dealt == folder.series[NAME]["dealt"] != other.dealt
    folder.save(tmp_path / "a.npz", {NAME: nearest(folder)})
    line = ["benchmark", "score", str(tmp_path / "a.npz"), "--seed", "3", "--quiet"]
    assert cli.main([*line, "--dataset", f"{tmp_path / 'own.py'}:pairs"]) == 2
    assert "the episodes that were answered have the hash" in capsys.readouterr().err


def folder_series(folder):
    return from_manifest(NAME, folder.series[NAME])


def test_a_set_of_any_name_stays_in_its_folder(made, tmp_path):
    (tmp_path / "own.py").write_text(
        (made / "own.py").read_text() + "\n\ndef жесты(split):\n    return single(split)\n"
    )
    line = f"benchmark export {tmp_path / 'out'} --dataset {tmp_path / 'own.py'}:жесты --quiet"
    sizes = "--ways 3 --queries 2 --episodes 2"
    assert cli.main([*line.split(), *sizes.split()]) == 0
    assert (tmp_path / "out" / "own" / "own-3way-1shot.npz").is_file()


def test_samples_to_learn_from_are_different_recordings(folder):
    training = folder.training(NAME)
    for seed in range(20):
        drawn = training.draw(np.random.default_rng(seed), 4, 5)
        assert all(len(set(side)) == 5 for row in drawn for side in row.T.tolist())
    assert training.draw(np.random.default_rng(0), 2, 99).shape == (2, 99, 2)
    with pytest.raises(ValueError, match="there is no series 'other'"):
        folder.save("a.npz", {"other": np.zeros(3)})


def test_a_classifier_answers_no_episodes(made, folder, tmp_path, capsys):
    folder.save(tmp_path / "a.npz", {NAME: nearest(folder)})
    line = ["benchmark", "score", str(tmp_path / "a.npz"), "--seed", "3", "--quiet"]
    line += ["--dataset", f"{made / 'own.py'}:pairs"]
    assert cli.main([*line, "--checkpoint", "double_nmnist_pretrained.h5"]) == 2
    assert "a classifier, whose readout knows its own classes" in capsys.readouterr().err


def test_a_set_without_recordings_is_exported_and_scored(made, tmp_path, capsys):
    line = f"benchmark export {tmp_path / 'out'} --dataset {made / 'own.py'}:single --quiet"
    assert cli.main([*line.split(), "--ways", "3", "--queries", "2", "--episodes", "3"]) == 0
    assert "none to learn from" in capsys.readouterr().out
    folder = read.Folder(tmp_path / "out")
    name = "single-3way-1shot"
    folder.save(tmp_path / "a.npz", {name: nearest(folder, name)})
    with pytest.raises(ValueError, match="holds no training recordings"):
        folder.training(name)
    own = ["--dataset", f"{made / 'own.py'}:single", "--quiet", "--json", str(tmp_path / "s")]
    assert cli.main(["benchmark", "score", str(tmp_path / "a.npz"), *own]) == 0
    found = json.loads((tmp_path / "s").read_text())["series"][name]
    assert found["rules"]["class means of summed frames"]["less"][0] == 0


def test_two_files_of_answers_are_paired(made, folder, tmp_path, capsys):
    good = nearest(folder)
    folder.save(tmp_path / "good.npz", {NAME: good}, "mine")
    folder.save(tmp_path / "bad.npz", {NAME: (good + 1) % 3}, "mine")
    code, said, _ = score(made, capsys, tmp_path / "good.npz", tmp_path / "bad.npz")
    assert code == 0 and f"mine ({tmp_path / 'bad.npz'})" in said
    rows = [line.split() for line in said.splitlines() if "bad.npz" in line]
    assert rows[0][-3].startswith("+")


def test_answers_named_as_a_rule_or_a_network_are_told_apart(
    made, folder, tmp_path, capsys, monkeypatch
):
    """Their line has their own accuracy, and the other's its own."""
    frames_by_hand = nearest(folder)
    monkeypatch.setattr(benchmark, "_networks", lambda paths: [(one, frames) for one in paths])
    monkeypatch.setattr(benchmark, "_rule", lambda name, net, one, tasks: net)
    for name in (FRAMES, "a network"):
        folder.save(tmp_path / "wrong.npz", {NAME: (frames_by_hand + 1) % 3}, name, "wrongly")
        out = tmp_path / "score.json"
        words = [tmp_path / "wrong.npz", "--checkpoint", "a network", "--json", out]
        assert score(made, capsys, *words)[0] == 0
        found = json.loads(out.read_text())
        entries = found["series"][NAME]["entries"]
        mine = f"{name} ({tmp_path / 'wrong.npz'})"
        assert list(entries) == [mine, "a network", FRAMES] and list(found["how"]) == [mine]
        assert entries[mine]["accuracy"] < 0.4 < entries[name]["accuracy"]
        out.unlink()


def test_answers_to_be_scored_do_not_have_the_name_of_a_rule(folder):
    series, good = from_manifest(NAME, folder.series[NAME], 3), nearest(folder)
    tasks = toy.small_set(share=0.01)
    with pytest.raises(ValueError, match="expected another name"):
        score_of(series, tasks, {FRAMES: good}, progress=False)
    kept_ones = {FRAMES: np.zeros_like(good, bool)}
    found = score_of(series, tasks, {"mine": good}, None, lambda _: kept_ones, progress=False)
    assert found["entries"][FRAMES]["accuracy"] > 0.4
    assert found["entries"][f"{FRAMES} (an entry of the results)"]["accuracy"] == 0


def test_read_needs_numpy_alone(made):
    code = (
        "import sys; sys.dont_write_bytecode = True; "
        f"sys.path.insert(0, {str(made / 'out')!r}); import read; "
        f"f = read.Folder({str(made / 'out')!r}); e = next(f.episodes({NAME!r})); "
        "print(e.support.shape, sorted(m for m in sys.modules if 'minisnn' in m or 'scipy' in m))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "(6, 14, 8, 12, 2) []", done.stderr


def test_a_file_that_was_changed_is_told(made, tmp_path):
    import shutil

    shutil.copytree(made / "out", tmp_path / "out")
    place = tmp_path / "out" / "pairs" / f"{NAME}.npz"
    with np.load(place) as archive:
        arrays = dict(archive)
    arrays["labels"] = arrays["labels"][:, ::-1]
    np.savez(place, **arrays)
    with pytest.raises(ValueError, match="not those of the manifest"):
        next(read.Folder(tmp_path / "out").episodes(NAME))


def test_an_entry_of_the_results_is_beside_answers_to_the_same_episodes(made, folder, tmp_path):
    """What `score` writes fills a record of kind entry, which holds the answers a bit each."""
    folder.save(tmp_path / "a.npz", {NAME: nearest(folder)}, "NumPy alone", "means")
    own = ["--dataset", f"{made / 'own.py'}:pairs", "--seed", "3", "--quiet"]
    out = tmp_path / "score.json"
    words = ["benchmark", "score", str(tmp_path / "a.npz"), "--json", str(out), *own]
    assert cli.main(words) == 0
    figures, more = KINDS["entry"]([out])
    assert figures[NAME]["unit"] == "%" and figures[NAME]["half"] > 0
    assert f"less-{NAME}" in figures and more["how"] == "means"
    record = Record("of theirs", "entry", [], figures=figures, more=more)
    series = from_manifest(NAME, folder.series[NAME], 3)
    identity = folder.series[NAME]["identity"]
    found = kept({"a": record}, series, identity)
    assert abs(found["of theirs"].mean() - figures[NAME]["value"]) < 1e-12
    assert kept({"a": record}, series, "0" * 12) == {}
    with pytest.raises(ValueError, match="expected"):
        unpacked(packed(np.ones((2, 3), bool)), series)


def test_an_entry_of_the_same_name_does_not_take_the_place_of_answers(folder):
    good = nearest(folder)
    series = from_manifest(NAME, folder.series[NAME], 3)
    tasks = toy.small_set(share=0.01)
    truth = dealing.truth_of(series, tasks).labels
    kept_ones = {"mine": np.zeros_like(good, bool)}
    found = score_of(series, tasks, {"mine": good}, None, lambda _: kept_ones, progress=False)
    assert found["entries"]["mine"]["accuracy"] == (good == truth).mean() > 0
    assert found["entries"]["mine (an entry of the results)"]["accuracy"] == 0


@pytest.mark.slow
def test_an_entry_in_pytorch_needs_the_exported_folder_alone(made, tmp_path, capsys):
    pytest.importorskip("torch", reason="an entry in PyTorch: pip install -e '.[peer]'")
    script = Path(__file__).parents[1] / "benchmarks" / "torch_entry.py"
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['', {str(made / 'out')!r}, 'answers.npz', '--updates', '60']\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')\n"
        "assert not [name for name in sys.modules if name.startswith('minisnn')]"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    code, said, _ = score(made, capsys, tmp_path / "answers.npz")
    assert code == 0 and "PyTorch, prototypical network" in said


@pytest.mark.every(len(SERIES))
@pytest.mark.parametrize("name", SERIES)
def test_the_series_of_this_version_are_those_that_were_frozen(name):
    """Whoever changes sets, sizes or dealing changes what published numbers stand for, and counts
    VERSION up. All episodes of all series are dealt in the slow suite."""
    one = SERIES[name]
    few = replace(one, episodes=2)
    tasks = one.open(None, False)
    assert few.identity(dealing.truth_of(few, tasks).dealt) == FIRST[name]
    if name != "double-nmnist-5way-1shot":
        assert one.identity(dealing.truth_of(one, tasks).dealt) == IDENTITIES[name]


FIRST = {
    "double-nmnist-5way-1shot": "5e658d5acc34",
    "double-asl-5way-1shot": "103286dad5a9",
    "omniglot-5way-1shot": "72c19f24584f",
    "omniglot-20way-1shot": "d320ced008b6",
}
