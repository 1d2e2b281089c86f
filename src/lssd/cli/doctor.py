"""`lssd doctor`: what works here."""

import argparse

from lssd.cli.parser import add_option, given

HELP = "Say what is installed and works here, and how to get what is missing."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    add_option(parser, "room", nargs="?", metavar="ROOM", help="check this room alone")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.doctor import doctor
    from lssd.reporting import terminal

    terminal.show_doctor(doctor(**given(arguments, "room")))
    return 0
