"""A training step with each way that OpenMP's threads can wait, on this machine as it is and with all cores busy."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator

WAYS = (
    ("default", {"GOMP_SPINCOUNT": "300000"}),
    ("passive", {"OMP_WAIT_POLICY": "PASSIVE"}),
    ("spin_1000", {"GOMP_SPINCOUNT": "1000"}),
    ("spin_20000", {"GOMP_SPINCOUNT": "20000"}),
    ("one_thread", {"OMP_NUM_THREADS": "1"}),
)

STEPS = """
import time, torch, weakseg
network = weakseg.UNet(width=16).build(3, 4)
network.train()
optimizer = torch.optim.AdamW(network.parameters())
times = []
for step in range(13):
    start = time.perf_counter()
    network(torch.rand(8, 3, 96, 128)).square().mean().backward()
    optimizer.step()
    times.append(time.perf_counter() - start)
print(sorted(times[3:])[5] * 1e3)
"""


def milliseconds(setting: dict[str, str]) -> float:
    """The median of ten steps in a process of its own."""
    bare = {n: v for n, v in os.environ.items() if n not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", STEPS], env=bare | setting, check=True, capture_output=True, text=True)
    return float(done.stdout)


def burn() -> None:
    """Keep one core busy."""
    while True:
        pass


def measure() -> Iterator[tuple[str, float, str]]:
    """Each way idle, as far as the machine is, and beside as many busy processes as there are cores."""
    cores = os.cpu_count() or 1
    for name, setting in WAYS:
        yield f"threads.idle_{name}", milliseconds(setting), "ms per step, the machine as it is"
        burners = [multiprocessing.Process(target=burn, daemon=True) for _ in range(cores)]
        for burner in burners:
            burner.start()
        yield f"threads.busy_{name}", milliseconds(setting), f"ms per step, beside {cores} busy processes"
        for burner in burners:
            burner.kill()


if __name__ == "__main__":
    for row, value, unit in measure():
        print(f"{row}: {value:.0f} {unit}")
