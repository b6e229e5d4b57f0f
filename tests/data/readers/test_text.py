"""Tables of numbers as text: every number as Python reads it, and what is wrong named by its
line."""

import re

import numpy as np
import pytest

from minisnn.data.readers import text
from minisnn.data.readers.columns import name_of

HEAD = "t,x,y,p\n"


def read(tmp_path, contents):
    path = tmp_path / "a.csv"
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return text.read_table(path, 1 << 30, name_of)


@pytest.mark.parametrize("mark", [",", ";", "\t", " ", ", "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_whole_numbers_are_exact_in_64_bits(tmp_path, rng, mark, end):
    table = np.stack([rng.integers(-(10**17), 10**17, 200), *rng.integers(0, 1000, (3, 200))], 1)
    lines = [mark.join(map(str, row)) for row in [list("txyp"), *table.tolist()]]
    found = read(tmp_path, end.join(lines))
    for n, name in enumerate("txyp"):
        assert found[name].dtype == np.int64
        np.testing.assert_array_equal(found[name], table[:, n])


@pytest.mark.parametrize(
    "form", ["{:.6f}", "{:.1f}", "{:+.3f}", "{:.17g}", "{:.9e}", "{}", "{:.25f}", "{:.0f}."]
)
def test_fractions_are_those_of_python(tmp_path, rng, form):
    words = [
        form.format(one)
        for one in np.concatenate([rng.random(300) * 10.0 ** rng.integers(-6, 10, 300), [0.0]])
    ]
    contents = HEAD + "".join(f"{word},3,4,True\n" for word in words)
    expected = [float(word) for word in words]
    np.testing.assert_array_equal(read(tmp_path, contents)["t"], expected)
    assert read(tmp_path, contents)["p"].all()


def test_what_is_left_open(tmp_path):
    """Blank lines, blanks around values, further columns (a name twice), no end of the last line, a
    comment mark."""
    found = read(
        tmp_path, "\ufeff# x , y, t_us ,noise,p,p\n\n 1 , 2,\t3 ,0.5,False, 7\n\n4,5,6,.5,TRUE,8"
    )
    assert {name: column.tolist() for name, column in found.items()} == {
        "x": [1, 4],
        "y": [2, 5],
        "t_us": [3, 6],
        "p": [0, 1],
    }


@pytest.mark.parametrize(
    "rows, message",
    [
        ("1,2,3,0\n1,2,3\n", "line 3 has 3 values; expected 4 (t, x, y, p)"),
        ("1,2,3,0\n\n1,2,3,0,5\n", "line 4 has 5 values; expected 4"),
        ("1,2,3,0,\n", "line 2 has 5 values"),
        ("1,,3,0\n", "line 2 holds ''; expected numbers"),
        ("1,2,3,0\n1,2,x3,0\n", "line 3 holds 'x3'"),
        ("1,2,3,0\n1,2 2,3,0\n", "line 3 holds '2 2'"),
        ("1,2,3,tru\n", "line 2 holds 'tru'"),
        ("1,2,-,1\n", "line 2 holds '-'"),
        ("1,2,1-2,1\n", "line 2 holds '1-2'"),
        ("1,2,1.2.3,1\n", "line 2 holds '1.2.3'"),
        ("1e3,2,3,0\n5,2,nan,0\n", "line 3 holds 'nan'"),
        ("1e3,2,3,0\n5,2,3\n", "line 3 has 3 values"),
        ("1e999,2,3,0\n", "line 2 holds '1e999'"),
        ("1,2,3,0\n\xff\0,2,3,0\n", "line 3 holds "),
    ],
)
def test_what_is_wrong_is_named_by_its_line(tmp_path, rows, message):
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / 'a.csv'}: {message}")):
        read(tmp_path, (HEAD + rows).encode("latin1"))


def test_numbers_of_many_forms(tmp_path, rng):
    """Rows of random forms, as Python reads them."""
    forms = ["{:.0f}", "{:.3f}", "-{:.2f}", "{:.0f}.", "+{:.1f}"]
    words = [[rng.choice(forms).format(rng.random() * 1e6) for _ in range(4)] for _ in range(500)]
    contents = HEAD + "".join(",".join(row) + "\n" for row in words)
    expected = np.array([[float(word) for word in row] for row in words])
    found = read(tmp_path, contents)
    np.testing.assert_array_equal(np.stack([found[name] for name in "txyp"], 1), expected)
