"""`python -m symport` is the command `symport`."""

from __future__ import annotations

import sys

from symport.cli import main

if __name__ == "__main__":
    sys.exit(main())
