"""`python -m lssd`, the form in which `torchrun -m` starts it."""

from lssd.cli import run

run()
