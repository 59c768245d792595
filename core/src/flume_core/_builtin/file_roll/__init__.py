"""The file_roll sink: events into files of a directory, a new file every so often."""
