"""The durable channel ``file``: what it accepted survives a crash. See `flume_filechannel.log` for how."""
