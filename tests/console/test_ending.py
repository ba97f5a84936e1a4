"""Whatever happens to a command, it ends in one message and an exit code that says what happened."""

import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import pytest

from weakseg.console.ending import end
from weakseg.errors import DataInvalid


def _raise(error: BaseException) -> Callable[[], object]:
    def app():
        raise error

    return app


def _ended(app: Callable[[], object]) -> int:
    with pytest.raises(SystemExit) as stop:
        end(app)
    assert isinstance(stop.value.code, int)
    return stop.value.code


def _too_deep(depth: int = 0):
    return _too_deep(depth + 1)


MISHAPS: dict[str, tuple[Callable[[], object], str]] = {
    "mistake": (_raise(DataInvalid("a.png is damaged", fix="copy it again")), "a.png is damaged"),
    "missing": (lambda: open("nowhere.png"), "nowhere.png: No such file"),  # noqa: SIM115
    "recursion": (_too_deep, "hundreds deep"),
    "memory": (_raise(MemoryError("Unable to allocate 5 GiB")), "not enough memory"),
    "threads": (_raise(RuntimeError("can't start new thread")), "not enough memory"),
    "oneDNN": (_raise(RuntimeError("could not create a primitive")), "not enough memory"),
    "C++": (_raise(RuntimeError("std::bad_alloc")), "not enough memory"),
    "torch": (_raise(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")), "not enough memory"),
    "GPU": (_raise(RuntimeError("CUDA out of memory. Tried to allocate")), "not enough memory"),
    "library": (_raise(ImportError("libtorch.so: failed to map segment from shared object")), "not enough memory"),
    "encoding": (lambda: "\udcff".encode(), "UTF-8"),
    "fault": (_raise(KeyError("bug")), "please report it (KeyError: 'bug')"),
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_whatever_happens_is_one_message(mishap, capsys, tmp_path, monkeypatch):
    """Exit code 2, a word on what to do, and no traceback."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("WEAKSEG_DEBUG", raising=False)
    app, word = MISHAPS[mishap]
    assert _ended(app) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("weakseg: ")
    assert word in said.err
    assert "Traceback" not in said.err


def test_a_fault_of_our_own_can_be_looked_into(capsys, tmp_path, monkeypatch):
    """Its traceback is in a file that the message names; with WEAKSEG_DEBUG it is not caught at all."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("WEAKSEG_DEBUG", raising=False)
    assert _ended(_raise(KeyError("a\udcffb"))) == 2
    (file,) = tmp_path.iterdir()
    assert str(file) in capsys.readouterr().err
    assert "Traceback" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("WEAKSEG_DEBUG", "1")
    with pytest.raises(KeyError):
        end(_raise(KeyError("bug")))


def test_exit_codes_are_passed_on(capsys, monkeypatch):
    """Findings are 1, help is 0, and Ctrl-C is 130 whether Typer sees it or not."""
    monkeypatch.setattr("sys.argv", ["weakseg", "train", "data"])
    assert [_ended(lambda: sys.exit(1)), _ended(lambda: sys.exit(0)), _ended(lambda: None)] == [1, 0, 0]
    assert capsys.readouterr() == ("", "")
    assert _ended(lambda: sys.exit(130)) == _ended(_raise(KeyboardInterrupt())) == 130
    said = capsys.readouterr().err
    assert "--resume" in said
    assert "repeat the command as it was" in said, "there is no run to go on with"


def test_libraries_are_quiet(capsys):
    """Neither what they warn of nor what they log is printed, and afterwards all is as it was."""

    def app():
        warnings.warn_explicit("bomb", UserWarning, "Image.py", 1, module="PIL.Image")
        logging.getLogger("tifffile").error("TiffTag")

    before = warnings.filters[:], logging.getLogger().handlers[:]
    assert _ended(app) == 0
    assert capsys.readouterr() == ("", "")
    assert (warnings.filters[:], logging.getLogger().handlers[:]) == before


def test_a_warning_about_a_line_of_ours_is_seen():
    """It is a fault of ours, which the tests make an error."""

    def app():
        warnings.warn_explicit("not writable", UserWarning, "predict.py", 1, module="weakseg.evaluation.predictor")

    with pytest.raises(SystemExit), pytest.warns(UserWarning, match="not writable"):
        end(app)


SLEEP = "import time; from weakseg.console.ending import end; end(lambda: (print('ready', flush=True), time.sleep(60)))"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_like_an_interrupt(name):
    """With the sentence that says how to go on, and the exit code that shells give the signal."""
    with subprocess.Popen(
        [sys.executable, "-c", SLEEP, "train"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(getattr(signal, name))
        _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + getattr(signal, name)
    assert b"--resume" in said
    assert b"Traceback" not in said


def test_a_hang_up_that_is_ignored_stays_ignored():
    """nohup asks for that."""
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); {SLEEP}"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        assert process.poll() is None
        process.kill()


def _printing(lines: str, exit_code: int) -> list[str]:
    code = f"import sys; from weakseg.console.ending import end; end(lambda: ({lines}, sys.exit({exit_code})))"
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("exit_code", [0, 1])
@pytest.mark.parametrize("flush", [True, False])
def test_a_reader_that_leaves_changes_nothing(exit_code, flush):
    """`| head -1`: the exit code is the command's own, and nothing is said about pipes."""
    command = _printing(f"[print('x' * 100, flush={flush}) for _ in range(20000)]", exit_code)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (exit_code, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_a_full_disk_under_the_output_is_told():
    """What was printed is lost, so the exit code cannot be that of success."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(_printing("print('scores')", 0), stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert b"No space left" in done.stderr


@pytest.mark.parametrize("settings", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"},
                                      {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])  # fmt: skip
def test_a_terminal_of_few_letters_shows_the_others_as_question_marks(settings):
    """Rich tables, too, and names that are not UTF-8."""
    word = "'\\u5fc3\\u81df \\udcff'"
    lines = f"print({word}), Console().print(Text({word})), Console(stderr=True).print({word})"
    command = _printing(lines, 0)
    command[-1] = "from rich.console import Console; from rich.text import Text; " + command[-1]
    done = subprocess.run(command, capture_output=True, env=os.environ | settings, check=False)
    assert done.returncode == 0
    assert done.stdout.split() == [b"??", b"?", b"??", b"?"]
    assert b"Traceback" not in done.stderr


def test_without_a_console_commands_run(monkeypatch):
    """As under pythonw, and where a shell closed both streams."""
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    assert _ended(lambda: None) == 0
    assert _ended(_raise(DataInvalid("x"))) == 2
