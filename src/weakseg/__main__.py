"""`python -m weakseg` is the command `weakseg`."""

from weakseg.cli import main

if __name__ == "__main__":
    main()
