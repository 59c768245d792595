"""Reads the directories of the Java file channel (Flume 1.2 to 1.11), without ever writing to them.

`read_java_channel` (module `directory`) is the way in; it gives a `JavaBacklog` (module `backlog`).
"""
