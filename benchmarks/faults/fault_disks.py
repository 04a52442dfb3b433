"""Disks that are full, or may only be read. Mounting takes an administrator, and Linux."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fault_place import Ended, Place
from fault_trial import Case

SIZE = 4096  # KB of the small disk
ROOM = (0, 8, 32, 64, 128, 192, 256, 320, 400, 600)
"""KB that are free when a report begins: it fills up with results, notebooks, page, manifest."""
BALLAST = "ballast"


def why_not() -> str:
    """Say why nothing can be mounted here; empty where it can."""
    if sys.platform != "linux":
        return "mounting is tried on Linux alone"
    return "" if os.geteuid() == 0 and shutil.which("mount") else "mounting takes an administrator"


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def small_disk(place: Place, free: int) -> None:
    """Put the reports on a small disk that has little room left."""
    kept = place.out.rename(place.folder / "kept")
    place.out.mkdir()
    mount("-t", "tmpfs", "-o", f"size={SIZE}k", "tmpfs", str(place.out))
    shutil.copytree(kept, place.out, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(kept)
    room = os.statvfs(place.out)
    spare = room.f_bavail * room.f_frsize - free * 1024
    (place.out / BALLAST).write_bytes(b"0" * spare)


def ordinary_disk(place: Place) -> None:
    """Bring the reports back to where there is room."""
    (place.out / BALLAST).unlink()
    kept = place.folder / "kept"
    shutil.copytree(place.out, kept, symlinks=True)
    unmount(place.out)
    place.out.rmdir()
    kept.rename(place.out)


def full(free: int) -> Callable[[Place], Ended]:
    """Run with so many KB of room."""

    def do(place: Place) -> Ended:
        small_disk(place, free)
        return place.run()

    return do


def read_only(place: Place) -> Ended:
    """Run where nothing can be written."""
    mount("--bind", str(place.out), str(place.out))
    mount("-o", "remount,ro,bind", str(place.out))
    return place.run()


FULL = [
    Case(
        "the disk is full", full(free), {0, 1}, {"failed"}, heals=True, cure=ordinary_disk,
        mute=True,
    )
    for free in ROOM
]  # fmt: skip
READ_ONLY = [
    Case(
        "the output can only be read", read_only, {1}, says="cannot be written",
        cure=lambda place: unmount(place.out),
    ),
    Case(
        "the same, nothing has changed", read_only, {0, 1},
        cure=lambda place: unmount(place.out), changed=(),
    ),
]  # fmt: skip
