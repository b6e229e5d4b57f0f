"""Debian's Python for aarch64 and the wheels that minisnn needs, unpacked into a folder, with a
program that runs them in QEMU. Nothing is installed, and no right of root's is needed.

    FOLDER/root     Debian's files for aarch64        FOLDER/python    starts Python in it
    FOLDER/qemu     the emulator                      FOLDER/here      the same wheels for x86-64
    FOLDER/kernels  what numba compiled
"""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

CPU = "neoverse-n1"  # 128-bit vectors and no others, as Apple's processors have
NEEDED = ("python3-minimal", "libpython3-stdlib", "libstdc++6")
LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "h5py", "matplotlib", "pytest", "hypothesis")
OTHERS = ("tqdm", "lazy_loader", "pytest-xdist", "pytest-timeout")
GLIBC = range(17, 41)  # versions 2.x that wheels may ask for
APT = """\
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
Dir::State::lists "%s/lists";
Dir::State::status "%s/status";
Dir::Cache "%s/cache";
"""
WRAPPER = """\
#!/bin/sh
exec %(folder)s/qemu/usr/bin/qemu-aarch64 -cpu %(cpu)s -tb-size 1073741824 \
-L %(folder)s/root %(folder)s/root/usr/bin/python3 "$@"
"""


def make(folder: Path) -> None:
    """Everything in `folder`, unless it is there. ValueError where a program is missing."""
    missing = [name for name in ("apt-get", "dpkg-deb") if shutil.which(name) is None]
    if missing or sys.platform != "linux":
        raise ValueError(
            f"the emulation is made of Debian's packages; {', '.join(missing)} missing"
        )
    if (folder / "python").exists():
        return
    _unpack_packages(folder)
    _unpack_wheels(folder / "root/usr/lib/python3/dist-packages", "aarch64", _python(folder))
    _unpack_wheels(folder / "here", "x86_64", _python(folder))
    start = folder / "root/usr/lib" / f"python{_python(folder)}" / "sitecustomize.py"
    start.unlink(missing_ok=True)
    # children are started by the wrapper: Linux knows no program for aarch64
    start.write_text(
        f"import sys\nsys.executable = sys._base_executable = {str(folder / 'python')!r}\n"
    )
    wrapper = folder / "python"
    wrapper.write_text(WRAPPER % {"folder": folder, "cpu": CPU}, encoding="utf-8")
    wrapper.chmod(0o755)


def _python(folder: Path) -> str:
    """The version of Debian's Python, 3.13."""
    return os.readlink(folder / "root/usr/bin/python3").removeprefix("python")


def _unpack_packages(folder: Path) -> None:
    apt = folder / "apt"
    root = folder / "root"
    qemu = folder / "qemu"
    for one in (apt / "lists/partial", apt / "cache/archives/partial", root / "usr/lib", qemu):
        one.mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "options").write_text(APT % (apt, apt, apt), encoding="utf-8")
    private = {**os.environ, "APT_CONFIG": str(apt / "options")}
    _run("apt-get", "-q", "update", env=private)
    _run("apt-get", "-q", "install", "--download-only", "-y", *NEEDED, env=private)
    _run("apt-get", "-q", "download", "qemu-user", cwd=apt)
    if not (root / "lib").is_symlink():
        (root / "lib").symlink_to("usr/lib")
    for package in sorted((apt / "cache/archives").glob("*.deb")):
        _run("dpkg-deb", "-x", package, root)
    for package in apt.glob("qemu-user_*.deb"):
        _run("dpkg-deb", "-x", package, qemu)


def _unpack_wheels(place: Path, machine: str, python: str) -> None:
    place.mkdir(parents=True, exist_ok=True)
    wanted = [f"{name}=={version(name)}" for name in LIBRARIES]
    platforms = [f"--platform=manylinux_2_{n}_{machine}" for n in GLIBC]
    platforms.append(f"--platform=manylinux2014_{machine}")
    how = ["--only-binary=:all:", f"--python-version={python}", f"--target={place}", *platforms]
    _run(sys.executable, "-m", "pip", "install", "-q", "--no-compile", *how, *wanted, *OTHERS)


def _run(*words: object, **how) -> None:
    done = subprocess.run(
        [*map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **how,
    )
    if done.returncode:
        raise ValueError(f"{words[0]} {words[1]} failed: {done.stderr.strip()[-300:]}")
