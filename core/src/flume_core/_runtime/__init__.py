"""The machinery that runs an agent. Private: use `flume_core.agent`."""
