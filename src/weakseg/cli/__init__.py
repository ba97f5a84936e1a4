"""The command line: options and help of each command.

Each command imports its modules when it runs. A user's mistake ends in one message and exit code 2; problems found by
`check` end in exit code 1.
"""

from weakseg.cli import labels, research, training, using  # noqa: F401  # each adds its commands
from weakseg.cli.program import app
from weakseg.console.ending import end


def main() -> None:
    """Run the command line; an error ends in one message."""
    end(app)
