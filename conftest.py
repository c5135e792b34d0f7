"""What pytest leaves alone: the doctests of the PyTorch front where PyTorch is missing."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["solvers/pytorch/*"]
