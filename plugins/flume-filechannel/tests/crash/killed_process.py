"""A process that makes processes which put and take until they are killed; run as a script.

It reads lines ``directory seed first_number seconds``, lets a child work below the directory and kills it
after so many seconds (its start included), then answers with a line. Forking a process that has
imported everything spares each child half a second.

The child appends lines to the file ``said``, each in one write, which a kill leaves whole or not there:
``put P FIRST END`` when a commit has returned, ``taking BODY...`` before a commit of a take and
``taken BODY...`` after it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Thread

from flume_core.batch import EventBatch
from flume_core.errors import ChannelFull
from flume_core.testing import make_channel
from flume_filechannel.channel import FileChannel

PRODUCERS = ("p", "q", "r")
CONSUMERS = 2


def settings(place: Path) -> dict[str, str]:
    return {
        "checkpointDir": str(place / "checkpoint"),
        "dataDirs": f"{place / 'data1'},{place / 'data2'}",
        "capacity": "1500",
        "transactionCapacity": "1500",
        "keep-alive": "0",
        "maxFileSize": "256K",
        "checkpointInterval": "1000",
    }


def body(producer: str, number: int) -> bytes:
    return b"%s-%09d-%s" % (producer.encode(), number, b"x" * (number * 7 % 900))


def produce(
    channel: FileChannel, producer: str, number: int, random: Random, say: Callable[[str], None]
) -> None:
    while True:
        end = number + random.choice((1, 3, 20, 60))
        batch = EventBatch.from_bodies([body(producer, n) for n in range(number, end)])
        try:
            if random.random() < 0.5:
                channel.put(batch)
            else:
                with channel.transaction() as tx:
                    tx.put(batch)
                    tx.save_progress(f"source.{producer}", {"at": b"%d" % end})
                    ticket = tx.commit_async()
                ticket.wait()
        except ChannelFull:
            time.sleep(0.001)
            continue
        say(f"put {producer} {number} {end}")
        number = end


def consume(channel: FileChannel, random: Random, say: Callable[[str], None]) -> None:
    while True:
        channel.wait(0.1)
        tx = channel.transaction()
        tx.begin()
        bodies = tx.take(random.choice((1, 10, 100, 400))).bodies()
        if not bodies or random.random() < 0.3:
            tx.rollback()
        else:
            names = " ".join(b[:11].decode() for b in bodies)
            say(f"taking {names}")
            tx.commit()
            say(f"taken {names}")
        tx.close()


def work(place: Path, seed: int, first: int) -> None:
    said = os.open(place / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(line: str) -> None:
        os.write(said, f"{line}\n".encode())

    channel = make_channel(FileChannel, settings(place))
    channel.start()
    threads = [
        Thread(target=produce, args=(channel, p, first, Random(f"{seed} {p}"), say))
        for p in PRODUCERS
    ]
    threads += [
        Thread(target=consume, args=(channel, Random(f"{seed} {n}"), say)) for n in range(CONSUMERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    for line in sys.stdin:
        directory, seed, first, seconds = line.rsplit(" ", 3)
        child = os.fork()
        if child == 0:
            try:
                work(Path(directory), int(seed), int(first))
            finally:
                os._exit(3)  # only reached by an error
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        sys.stdout.write("killed\n" if os.WIFSIGNALED(status) else "it ended by itself\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
