"""The commands ``flume`` and ``flume-ng``. Private: their options and exit codes are the contract."""
