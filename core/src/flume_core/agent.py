"""The door for programs that embed an agent.

::

    with Agent.from_mapping({
        "sources": "app", "sources.app.type": "embedded", "sources.app.channels": "c1",
        "channels": "c1", "channels.c1.type": "memory",
        "sinks": "out", "sinks.out.type": "logger", "sinks.out.channel": "c1",
    }) as agent:
        agent.source("app").put([Event(b"hello")])
"""

from flume_core._runtime.agent import Agent, AgentStatus, ComponentStatus

__all__ = ["Agent", "AgentStatus", "ComponentStatus"]
