"""Tables of numbers as text: every number as Python reads it, and what is wrong is refused."""

import numpy as np
import pytest

import minisnn as ms


HEAD = "t,x,y,p\n"


@pytest.mark.parametrize("mark", [",", ";", "\t", " ", ", "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_whole_numbers_are_exact(tmp_path, rng, mark, end):
    table = np.stack([rng.integers(-(10**15), 10**15, 200), *rng.integers(0, 2, (3, 200))], 1)
    table = table[np.argsort(table[:, 0], kind="stable")]
    lines = [mark.join(map(str, row)) for row in [list("txyp"), *table.tolist()]]
    (tmp_path / "a.csv").write_bytes(end.join(lines).encode())
    events = ms.read_events(tmp_path / "a.csv", time="us")
    np.testing.assert_array_equal(np.stack([events[name] for name in "txyp"], 1), table)


def test_fractions_are_those_of_python(tmp_path, rng):
    """Of many forms, with True and False, from some row on."""
    forms = ["{:.0f}", "{:.3f}", "{:.0f}.", "+{:.1f}", "{:.9e}", "{:.25f}", "{}"]
    words = ["0", *(rng.choice(forms).format(one) for one in np.sort(rng.random(500)) * 1e4)]
    rows = "".join(f"{word},3,4,{rng.choice(['True', 'false', 'TRUE'])}\n" for word in words)
    (tmp_path / "a.csv").write_text(HEAD + rows)
    expected = np.sort(np.rint([float(word) * 1e6 for word in words]))
    np.testing.assert_array_equal(ms.read_events(tmp_path / "a.csv", time="s")["t"], expected)


@pytest.mark.parametrize(
    "rows",
    "1,2,3,0|1,2,3  1,2,3,0||1,2,3,0,5  1,2,3,0,  1,,3,0  1,2,3,0|1,2,x3,0  1,2,3,tru  1,2,-,1  "
    "1,2,1-2,1  1,2,1.2.3,1  1e3,2,3,0|5,2,nan,0  1e999,2,3,0  1,2,3,0|\xff\0,2,3,0".split("  "),
)
def test_what_is_wrong_is_refused(tmp_path, rows):
    path = tmp_path / "a.csv"
    path.write_bytes((HEAD + rows.replace("|", "\n") + "\n").encode("latin1"))
    with pytest.raises(ValueError, match="a.csv") as error:
        ms.read_events(path)
    assert "\n" not in str(error.value)
