"""Claims: which process of many, on one machine or several, does which part of the work.

A claim is a file beside the results, made only if it does not exist, with the machine, the process and the time in it.
It is stale when its process has ended on this machine, or when it was not touched for a while on another one. A stale
claim is never removed by others, who would then race for its name: the next claim has the next number.
"""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread

from weakseg.errors import WriteRefused

TOUCH_S = 30.0
"""Seconds between two touches of a claim by its process."""
STALE_S = 600.0
"""Seconds without a touch after which a claim of another machine is stale."""
_EMPTY_S = 10.0
"""The same for a claim that its process did not live to sign."""
_WAIT_S = 0.5


@dataclass(eq=False)
class Claims:
    """The claims of this process on parts of the work in one folder."""

    folder: Path
    """The folder of the work, which all processes see."""
    stale_s: float = STALE_S
    """The seconds without a sign of life after which another process may take a claim over."""
    _held: dict[str, list[Path]] = field(default_factory=dict, init=False)
    """The claim of each name, after the stale ones before it."""
    _seen: dict[Path, tuple[float, float]] = field(default_factory=dict, init=False)
    """When a claim was last touched, and since when by this process's clock: those of two machines may differ."""
    _lock: Lock = field(default_factory=Lock, init=False)
    _ended: Event = field(default_factory=Event, init=False)

    def work(self, names: Sequence[str], is_done: Callable[[str], bool]) -> Iterator[str]:
        """The names whose work is this process's to do, until all are done by whichever process.

        Each is to be released when its result is there.

        Args:
            names: all parts of the work, in any order.
            is_done: whether the result of a part is there, whole.
        """
        left = list(names)
        while left:
            others = []
            for name in left:
                if is_done(name):
                    continue
                if not self.take(name):
                    others.append(name)
                elif is_done(name):
                    # It was finished between the two looks.
                    self.release(name)
                else:
                    yield name
            if len(others) == len(left):
                time.sleep(_WAIT_S)
            left = others

    def take(self, name: str) -> bool:
        """Claim a part; false if another process has it."""
        earlier: list[Path] = []
        while True:
            path = self._path(name, len(earlier))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._sign(path)
            except FileExistsError:
                if not self._is_stale(path):
                    return False
                earlier.append(path)
                continue
            except OSError as error:
                raise WriteRefused(f"{path} cannot be written: {error.strerror}", fix="choose another place") from error
            with self._lock:
                if not self._held:
                    self._ended = Event()
                    Thread(target=self._touch, args=(self._ended,), daemon=True).start()
                self._held[name] = [*earlier, path]
            return True

    def release(self, name: str) -> None:
        """Give a part up, which is done or will not be."""
        with self._lock:
            files = self._held.pop(name)
            if not self._held:
                self._ended.set()
        for path in files:
            path.unlink(missing_ok=True)

    def owner(self, name: str) -> str:
        """Who has claimed a part, for messages."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(self._path(name, 0).read_text())
            return f"process {int(said['pid'])} on {said['machine'][0]}"
        return "another process"

    def _path(self, name: str, number: int) -> Path:
        place = self.folder / name
        return place.with_name(f".{place.name}.claim{number}")

    def _sign(self, path: Path) -> None:
        with open(path, "x", encoding="utf-8") as file:
            pid = os.getpid()
            json.dump({"machine": _MACHINE, "pid": pid, "began": _began(pid), "time": time.time()}, file)

    def _is_stale(self, path: Path) -> bool:
        try:
            touched, text = path.stat().st_mtime, path.read_text()
        except OSError:
            # It is being released: whoever looks again finds it gone, or the work done.
            return False
        since = self._seen.get(path)
        if since is None or since[0] != touched:
            since = self._seen[path] = (touched, time.monotonic())
        waited = time.monotonic() - since[1]
        try:
            said = json.loads(text)
            if said["machine"] == _MACHINE:
                return _began(int(said["pid"])) != said["began"]
            # After a restart of the machine its claims are by its own clock, so that their age is known at once.
            restarted = said["machine"][0] == _MACHINE[0] and time.time() - touched > self.stale_s
        except (ValueError, KeyError, TypeError, IndexError):
            return waited > min(_EMPTY_S, self.stale_s) or time.time() - touched > 2 * self.stale_s
        return restarted or waited > self.stale_s

    def _touch(self, ended: Event) -> None:
        while not ended.wait(TOUCH_S):
            with self._lock:
                paths = [files[-1] for files in self._held.values()]
            for path in paths:
                with suppress(OSError):
                    os.utime(path)


def _read(path: str) -> str:
    try:
        return os.readlink(path) if path.startswith("/proc/self/ns") else Path(path).read_text().strip()
    except OSError:
        return ""


_MACHINE = [platform.node(), _read("/proc/sys/kernel/random/boot_id"), _read("/proc/self/ns/pid")]
"""Name, boot and namespace of processes: numbers of processes mean the same where all three are the same."""


def _began(pid: int) -> str:
    """When a process began, since numbers are used again; empty if it has ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if status[0] in "ZX" else status[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "running"
