"""The course's exercises: one short file a lesson, made of the same parts as the commands."""
