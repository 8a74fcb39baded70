"""What the driver tells the application beside keys."""

from textual.message import Message


class HungUp(Message):
    """The terminal is gone, whether or not the kernel sent a hang-up: below `su -c` it tells nobody."""


class AskedToStop(Message):
    """Somebody sent SIGTSTP: the application decides whether now is a time to stop."""
