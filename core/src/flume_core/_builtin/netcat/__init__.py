"""The netcat source: lines over TCP."""
