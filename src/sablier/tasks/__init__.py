"""MODEL FILE + IMAGES -> RESULT: pure computation; nothing is read from disk, written or printed here."""
