"""Avro RPC as Apache Flume speaks it: frames, handshakes and the two calls; bytes in, bytes out."""
