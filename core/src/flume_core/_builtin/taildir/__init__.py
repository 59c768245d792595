"""The ``taildir`` source: follows text files that grow, and loses none of their lines.

Promises
--------
A file is known by its inode and by a fingerprint of its first 1024 bytes, not by its name:

* A renamed file goes on where it was, under a name that matches the pattern (its new name is in the
  headers then) as well as under one that does not (it is read to its end, also after a restart, as
  long as it stays in its directory). A deleted file that was open is read to its end as well.
* A file that got shorter than what was read of it is read from its start, and so is one whose first
  1024 bytes changed, or the last 64 bytes before the position: it was truncated and filled again, or
  another file got its inode.
* A position moves after the commit of its events. What is saved is what was committed.

With channels that keep progress, position and events are in one record, and a kill at any moment
neither loses nor repeats a line. With others a kill repeats at most what was read since the position
file was last written (``writePosInterval``), and loses what only the memory of the channel held.

What cannot be seen
-------------------
* Data that was truncated away, or deleted with a file that was not open, before it was read.
* A file truncated and refilled between two polls beyond the old position, with the same first 1024
  bytes and the same 64 bytes before the position as before. A file shorter than 1024 bytes is known by
  what it holds: a new file that begins with all of that and gets its inode goes on behind it.
* After a stop: a file that left its directory, or one renamed out of the pattern where only Java
  wrote the position file (it stores no fingerprint).
* That a copy is a copy: where rotation copies files to names that match, they are read again.

A program that writes must append (``O_APPEND``) when its file is truncated by somebody else: it
would otherwise leave a hole of NUL bytes, which is read as part of a line.

A deleted file stays open, and its space in use, until nothing was written to it for ``idleTimeout``.

Modules, lower ones first: `javaregex` and `matcher` (which names), `positions`, `identity` and `storage`
(what is saved), `files` (one file), `cutter` (bytes to batches), `ledger` (positions whose files are to be
found), `following`, `troubles`, `newcomers` and `tracker` (which files there are, and what needs reading),
`config`, `source`.
"""
