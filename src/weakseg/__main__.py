"""`python -m weakseg` is the command `weakseg`."""

from weakseg.cli import main

main()
