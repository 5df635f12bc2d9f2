"""Images of teachers, from which students learn."""
