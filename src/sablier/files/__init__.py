"""File names, locks, and files written as a whole or not at all; nothing here depends on images."""

from sablier.files.whole import WRITERS, write_each, write_text, write_whole

__all__ = ["WRITERS", "write_each", "write_text", "write_whole"]
