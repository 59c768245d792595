"""``ipFilterRules``: who may connect."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["AddressRule", "may_connect", "parse_rules"]

_RULE = re.compile(r"(allow|deny):(ip|name):(.+)", re.DOTALL)


class AddressRule(NamedTuple):
    """One rule: what it decides, and for whom."""

    allow: bool
    by_name: bool
    pattern: str

    def matches(self, address: str) -> bool:
        """Tell whether the rule is about the client with this address. A name is looked up."""
        if not self.by_name:
            return _like(self.pattern, address)
        if self.pattern == "localhost" and _is_ours(address):
            return True
        return _like(self.pattern.lower(), _name_of(address).lower())


def parse_rules(text: str) -> tuple[AddressRule, ...]:
    """Return the rules of a comma-separated list; raises ValueError for one that is malformed."""
    rules = []
    for part in filter(None, map(str.strip, text.split(","))):
        match = _RULE.fullmatch(part)
        if match is None:
            raise ValueError(
                f"the rule {part!r} is not allow or deny, ip or name, and a pattern, as in allow:ip:10.1.*"
            )
        decision, kind, pattern = match.groups()
        rules.append(AddressRule(decision == "allow", kind == "name", pattern))
    return tuple(rules)


def may_connect(rules: Iterable[AddressRule], address: str) -> bool:
    """Tell what the first rule that matches says; without one, everybody may.

    Rules by name may wait for a name service.
    """
    return next((rule.allow for rule in rules if rule.matches(address)), True)


def _like(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _name_of(address: str) -> str:
    try:
        return socket.gethostbyaddr(address)[0]
    except OSError:  # it has no name: Java compares the address then
        return address


def _is_ours(address: str) -> bool:
    """Tell whether an address belongs to this machine: only then can something be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
