"""`weakseg serve`: a network as the machine learning backend of Label Studio."""

from pathlib import Path

from weakseg.console.duration import counted
from weakseg.console.progress_bar import tell
from weakseg.evaluation.device import best_device
from weakseg.runs.run import open_run
from weakseg.serve.backend import Backend, images_in
from weakseg.serve.server import is_local, server_for


def serve_and_show(
    path: Path, images: Path, host: str, port: int, device: str | None, recipe: Path | None = None
) -> None:
    """Answer Label Studio until it is stopped."""
    run = open_run(path, recipe)
    known = images_in(images)
    backend = Backend(run.predictor(device or best_device()), known, f"{run.name}-{run.fingerprint[:8]}")
    server = server_for(backend, host, port, tell)
    if not is_local(host):
        tell(f"{host} can be reached from other machines: whoever reaches it sees predictions on these images")
    print(f"{counted(len(known.images), 'image')}; in Label Studio: Settings, Model, Connect Model, Backend URL")
    print(f"  http://{host}:{server.server_address[1]}", flush=True)
    with server:
        server.serve_forever()
