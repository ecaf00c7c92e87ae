"""`python -m listener` is the `listener` command; so is the script of that name."""

import gc

gc.disable()  # imported modules stay: to collect them takes a third of the start

from listener.cli import main  # noqa: E402

gc.enable()
gc.freeze()

if __name__ == "__main__":
    main()
