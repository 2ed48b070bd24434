"""``python -m xenoglyph`` is the command line."""

import sys

from xenoglyph.cli import main

if __name__ == "__main__":
    sys.exit(main())
