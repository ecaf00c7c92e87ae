"""`python -m listener` is the `listener` command."""

from listener.cli import main

if __name__ == "__main__":
    main()
