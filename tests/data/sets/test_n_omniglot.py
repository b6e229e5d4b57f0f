"""The guide's example of a set of one's own reads N-Omniglot as it is published."""

from pathlib import Path

import filmed
import numpy as np
import pytest

import minisnn as ms


pytest.importorskip("faery", reason="faery reads files of cameras: pip install 'minisnn[cameras]'")
GUIDE = Path(__file__).parents[3] / "lessons" / "guides" / "datasets.md"


def test_a_camera_s_own_file_comes_back_event_by_event():
    """Written by the camera's own library: packed, in packets, with other streams between them."""
    np.testing.assert_array_equal(ms.read_events(filmed.GOLDEN), filmed.events())


def test_the_example_of_the_guide_gives_tasks(tmp_path):
    code = GUIDE.read_text(encoding="utf-8").partition("```python n_omniglot\n")[2]
    code = code.partition("```")[0]
    assert len(code.splitlines()) <= 60
    Path("n_omniglot.py").write_text(code)
    filmed.archive(tmp_path, {"Arcadian": 2, "Greek": 2})
    filmed.archive(tmp_path, {"Keble": 3}, "evaluation")
    sets = {
        s: ms.open_set("n_omniglot.py:n_omniglot", s, tmp_path) for s in ("train", "val", "test")
    }
    assert sets["train"].classes == ("Arcadian-01", "Arcadian-02")
    assert sets["val"].classes == ("Greek-01", "Greek-02") and len(sets["test"].classes) == 3
    assert sets["test"].input_shape == (28, 28, 2)
    first = filmed.events()[: filmed.LONG]
    y = (first["y"].astype(int) - 4) * 28 // 250
    x = (first["x"].astype(int) - 54) * 28 // 250
    seen = (x >= 0) & (x < 28) & (y >= 0) & (y < 28)
    counts = sets["test"].pool.dense(np.arange(1))[0].astype(int)
    assert counts.sum() == seen.sum() and counts[0].sum() >= seen[0]
    assert all(counts[:, i, j, p].sum() for i, j, p in zip(y[seen], x[seen], first["p"][seen]))
