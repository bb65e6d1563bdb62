"""The house's own scripts: notebooks from their sources, editions for students and lecturers."""
