"""The ``avro`` source: batches from other agents and from client libraries, by Avro RPC."""
