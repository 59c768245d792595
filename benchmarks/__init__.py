"""Benchmarks of Flume for Python, beside its physical limit and its peers.

``python -m benchmarks e2e`` runs whole pipelines through the real command line and compares them, in
interleaved rounds of one run, with a plain copy loop, Apache Flume 1.11, rsyslog and syslog-ng.
``python -m benchmarks micro`` prints what the core costs per event. ``--help`` on either has the rest.

How a pipeline is timed is in :mod:`benchmarks.measure`. Ratios inside one run are to be trusted; absolute
figures depend on the machine and on what else it does.
"""
