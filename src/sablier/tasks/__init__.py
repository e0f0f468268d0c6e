"""MODEL FILE + IMAGES -> RESULT: computation alone; nothing is printed, and no file is read or written but tables of codes."""
