"""Names, locks and files, whole or not at all; knows nothing of images."""

from sablier.files.whole import WRITERS, write_each, write_text, write_whole

__all__ = ["WRITERS", "write_each", "write_text", "write_whole"]
