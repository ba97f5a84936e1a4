"""A training step with each way that OpenMP's threads can wait, on this machine as it is and with all cores busy."""

import multiprocessing
import os
import subprocess
import sys

WAYS = (
    ("as OpenMP waits by default", {"GOMP_SPINCOUNT": "undefined"}),
    ("OMP_WAIT_POLICY=PASSIVE", {"OMP_WAIT_POLICY": "PASSIVE"}),
    ("GOMP_SPINCOUNT=1000, ours", {"GOMP_SPINCOUNT": "1000"}),
    ("GOMP_SPINCOUNT=20000", {"GOMP_SPINCOUNT": "20000"}),
    ("one thread", {"OMP_NUM_THREADS": "1"}),
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


if __name__ == "__main__":
    for name, setting in WAYS:
        idle = milliseconds(setting)
        burners = [multiprocessing.Process(target=burn, daemon=True) for _ in range(os.cpu_count() or 1)]
        for burner in burners:
            burner.start()
        busy = milliseconds(setting)
        for burner in burners:
            burner.kill()
        print(f"{name}: {idle:.0f} ms a step as the machine is, {busy:.0f} ms beside {len(burners)} busy processes")
