"""Avro for Flume for Python: the RPC that Flume agents and clients speak, and Avro container files."""

__version__ = "0.1.0"
