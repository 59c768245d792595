"""The subcommands of ``flume channel``."""
