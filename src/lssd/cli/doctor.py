"""`lssd doctor`."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

HELP = "Say what is installed and works here, and how to get what is missing."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("room", nargs="?", metavar="ROOM", help="check this room alone")


def run(arguments: argparse.Namespace) -> int:
    from lssd.doctor import doctor
    from lssd.reporting import terminal

    terminal.show_doctor(doctor(arguments.room))
    return 0
