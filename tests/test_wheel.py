"""What is handed out, the wheel and the source archive: built from what git tracks, and tried where
there is no clone."""

import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from processes import ROOT, python

pytestmark = pytest.mark.slow


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("git does not know this folder; the archives are built of a clone")
    return [name for name in listed.stdout.split("\0") if name]


def built(source: Path, target: Path, kind: str) -> Path:
    pytest.importorskip(
        "hatchling",
        reason="hatchling, which builds the archives, is not installed: pip install -e '.[test]'",
    )
    python("-m", "hatchling", "build", "-t", kind, "-d", target, cwd=source, check=True)
    (found,) = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return found


@pytest.fixture(scope="module")
def archives(tmp_path_factory) -> tuple[Path, Path, Path]:
    """The source archive of the clone, what it unpacks to, and the wheel that is built from
    that."""
    names = tracked()
    place = tmp_path_factory.mktemp("archives")
    clone = place / "clone"
    for name in names:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes((ROOT / name).read_bytes())
    source = built(clone, place / "source", "sdist")
    with tarfile.open(source) as archive:
        archive.extractall(place / "unpacked", filter="data")
    (unpacked,) = (place / "unpacked").iterdir()
    return source, unpacked, built(unpacked, place / "wheel", "wheel")


def test_the_wheel_holds_the_packages_and_what_they_read(archives):
    with zipfile.ZipFile(archives[2]) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"minisnn"}
    assert len(names) == len(set(names))
    lessons = {f"minisnn/_folders/{name}" for name in tracked() if name.startswith("lessons/")}
    shipped = {
        f"minisnn/_shipped/{name.removeprefix('data/')}"
        for name in tracked()
        if name.startswith("data/") and not name.startswith("data/site/") and name[-3:] != ".py"
    }
    code = {name for name in tracked() if name.startswith("minisnn/")}
    hardware = {f"minisnn/{name}" for name in tracked() if name.startswith("hardware/")}
    assert lessons | shipped | code | hardware <= set(names)
    assert {name for name in names if name.startswith("minisnn/_shipped/")} == shipped
    with zipfile.ZipFile(archives[2]) as wheel:  # the folder's own, not what leads to it in a clone
        front = wheel.read("minisnn/hardware/__init__.py")
    assert front == (ROOT / "hardware" / "__init__.py").read_bytes()
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.fixture(scope="module")
def installed(archives, tmp_path_factory):
    """installed(*arguments): `python -m minisnn` of the wheel, in a folder without a clone; what it
    prints."""
    target = tmp_path_factory.mktemp("installed")
    python("-m", "pip", "install", "-q", "--no-deps", "--target", target, archives[2], check=True)
    how = dict(cwd=tmp_path_factory.mktemp("elsewhere"), environment={"PYTHONPATH": str(target)})

    def run(*arguments: str) -> str:
        done = python("-m", *arguments, **how, timeout=900)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    code = "import minisnn.hardware; print(minisnn.__file__, minisnn.hardware.__file__)"
    where = python("-c", code, **how).stdout
    assert all(Path(path).is_relative_to(target) for path in where.split()), where
    return run


def test_an_installed_wheel_does_what_a_clone_does(installed):
    few = "--updates", "2", "--test-episodes", "2", "--out", "run"
    assert "test accuracy" in installed("minisnn", "train", *few)
    assert "lessons" in installed("minisnn", "lessons")
    few = "--episodes", "2", "--queries", "2", "--bits", "8"
    assert "float" in installed("minisnn", "hardware", *few)
    few = "--model", "snn", "--channels", "2", "--input", "4,4,2"
    assert "passed" in installed("minisnn", "check", *few)
    installed("minisnn.hardware", "page", "teach.html")
