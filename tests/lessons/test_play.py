"""What lesson 0 plays with: a page that is written where the student works, and breaks that do what
they say."""

import numpy as np
import play
import pytest

import minisnn as ms


def test_the_page_is_written_beside_the_notebook_and_shown_to_who_watches(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("MYSNN", str(tmp_path / "mysnn.py"))
    monkeypatch.setattr(play, "page_of", lambda chip: '<title>"Teach"</title>')
    shown = []
    display = pytest.importorskip("IPython.display")
    monkeypatch.setattr(display, "display", lambda one: shown.append(one.data))
    for name, watched in (("a.html", False), ("b.html", True)):
        monkeypatch.setattr(play.style, "_watched", lambda: watched)
        play.page(name)
        assert (tmp_path / name).read_text() == '<title>"Teach"</title>'
        assert name in capsys.readouterr().out and len(shown) == watched
    assert 'srcdoc="&lt;title&gt;&quot;Teach&quot;' in shown[0] and "sandbox=" in shown[0]
    (tmp_path / "b.html").write_text("of somebody else")
    with pytest.raises(ValueError):
        play.page("b.html")
    assert (tmp_path / "b.html").read_text() == "of somebody else"


def test_what_breaks_a_network_does_what_it_says(rng):
    x = np.arange(2 * 3 * 4 * 5 * 2).reshape(2, 3, 4, 5, 2) + 1
    assert (play.moved(x, 2)[:, :, :, 2:] == x[:, :, :, :3]).all()
    assert not play.moved(x, 2)[:, :, :, :2].any() and (play.moved(x, 0) == x).all()
    net = ms.SpikingNet((8, 8, 2), channels=(4,), ways=3, kernel=3)
    theta = net.init(rng)
    for name, one in net.views(play.rounded(net, theta, 2)).items():
        if name.endswith("weight"):
            unit = np.abs(one[one != 0]).min()
            assert set(np.unique(one / unit)) <= {-2, -1, 0, 1} and np.log2(unit) % 1 == 0
        else:
            assert (one == net.views(theta)[name]).all()
