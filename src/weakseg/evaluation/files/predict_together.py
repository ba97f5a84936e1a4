"""Prediction by any number of processes into one folder, on one machine or several.

Each image is predicted by one of them. They may be started, killed and started again at any time.
"""

import json
import time
from collections.abc import Callable, Sequence
from os.path import lexists
from pathlib import Path

from weakseg.errors import DataInvalid, RunInvalid, WeaksegError, WriteRefused
from weakseg.evaluation.files.look_at_files import look_at_large
from weakseg.evaluation.files.predict_files import existing, make_folder, outputs_of, predict_one, unwritable
from weakseg.evaluation.segments import Segments
from weakseg.files.claims import Claims
from weakseg.files.paths import require_folder

JOB = ".weakseg-prediction.json"
"""The file in the output folder that says which network its masks are of."""
_TRIES = 50


def predict_together(
    predictor: Segments,
    paths: Sequence[Path],
    out: Path,
    probabilities: bool = False,
    overlays: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    warn: Callable[[str], None] = lambda message: None,
) -> list[Path]:
    """Write a mask for each image file, as `predict_files` does, together with other processes.

    It returns when all masks are there, whichever process wrote them. An image that cannot be read is reported at the
    end, and keeps no other from being predicted.

    Raises:
        RunInvalid: the folder holds masks of another network or with other options.
        DataInvalid: images cannot be read or do not fit the network, two of them share a name, or the folder holds
            files that no prediction of this kind has written.
        WriteRefused: the disk is full.
    """
    require_folder(out)
    looked = look_at_large(predictor, paths)
    targets = outputs_of(paths, out, looked, probabilities, overlays)
    if problems := [*looked.problems, *unwritable(predictor, targets, looked)]:
        raise DataInvalid.of(problems)
    for each in looked.remarks:
        warn(each)
    make_folder(out)
    said = json.dumps({"network": predictor.digest, "probabilities": probabilities, "overlays": overlays})
    _join(out, said, lambda: existing([*targets.values()]))
    by_name = {target.mask.name: path for path, target in targets.items()}
    total = sum(looked.windows.get(path, 1) for path in paths)
    done, failed = dict[str, int](), dict[str, WeaksegError]()

    def is_done(name: str) -> bool:
        if name not in done and (name in failed or lexists(out / name)):
            done[name] = looked.windows.get(by_name[name], 1)
        return name in done

    claims = Claims(out)
    for name in claims.work([*by_name], is_done):
        path, before = by_name[name], sum(done.values())
        try:
            predict_one(predictor, path, targets[path], looked, lambda some, of=before: progress(of + some, total))
        except WriteRefused:
            raise
        except WeaksegError as problem:
            failed[name] = problem
        finally:
            claims.release(name)
        is_done(name)
        progress(sum(done.values()), total)
    if failed:
        raise DataInvalid.of([*failed.values()])
    return [target.mask for target in targets.values()]


def _join(out: Path, said: str, taken: Callable[[], list[WeaksegError]]) -> None:
    """Begin a prediction in a folder, or join the one that was begun there.

    Only after the job's file exists are masks written, so files without it are of something else.
    """
    path = out / JOB
    try:
        if not lexists(path) and (problems := taken()) and not lexists(path):
            raise DataInvalid.of(problems)
        with open(path, "x", encoding="utf-8") as file:
            file.write(said)
        return
    except FileExistsError:
        pass
    except OSError as error:
        raise WriteRefused(f"{path} cannot be written: {error.strerror}", fix="choose another --out") from error
    for _ in range(_TRIES):
        if (found := path.read_text(encoding="utf-8")) == said:
            return
        if found:
            break
        # Another process is about to write it.
        time.sleep(0.1)
    raise RunInvalid(
        f"{out} holds a prediction of another network, or with other options",
        expected="the same run, device and options in every process",
        fix="choose another --out",
    )
