"""Downloading: only what has the expected md5 is used, and nothing is left of what breaks off."""

from pathlib import Path

import fileserver
from fileserver import names, wrong

server, parts, run = fileserver.server, fileserver.parts, fileserver.run  # fixtures


def test_a_download_that_broke_off_begins_again(run, server):
    server.stop_after = 2000
    code, _, err = run("--part", "train")
    assert code == 2 and "Train.zip" in wrong(err) and not names()
    server.stop_after = None
    code, _, _ = run("--part", "train")
    assert code == 0 and names() == ["Train", "Train.zip"]


def test_a_wrong_md5_is_not_left_to_be_used(run, server, parts):
    server.files["/Train.zip"] = server.files["/Train.zip"][:-1] + b"x"
    code, _, err = run("--part", "train")
    assert code == 2 and parts[0].md5 in wrong(err) and not Path("N-MNIST").exists()
