"""`python -m listener` is the `listener` command; so is the script of that name."""

import gc

gc.disable()  # what is imported stays: looking through it again and again takes a third of the start

from listener.cli import main  # noqa: E402

gc.enable()
gc.freeze()

if __name__ == "__main__":
    main()
