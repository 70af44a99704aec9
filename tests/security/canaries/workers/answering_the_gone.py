"""Whoever has left is sent nothing new, but gets again what they ask for."""

import sys

from media import worker
from media.consumer import Consumer
from media.transport import Transport

restart = Consumer.restart


def restart_unless_closed(consumer: Consumer) -> None:
    if not consumer.closed:
        restart(consumer)


Consumer.restart = restart_unless_closed  # type: ignore[method-assign]
Consumer.flowing = property(lambda consumer: consumer.transport.connected)  # type: ignore[method-assign, assignment]
Transport.forget_consumer = lambda transport, consumer: None  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(worker.main())
