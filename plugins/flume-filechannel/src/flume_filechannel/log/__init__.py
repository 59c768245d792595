"""The log: segments of checksummed records, of which one is written to at any time.

`format` has the layout field by field, `records` what records hold, `segment` the files, `writer` how
records reach the disk, `scan` and `recovery` how they are found again, `reader` how they are read back.
"""
