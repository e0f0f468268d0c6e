"""The course's exercises: one short file a lesson, written on the public names like any user's script."""
