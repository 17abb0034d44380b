"""A rule taken apart into its conditions, and put together again from what each of them answered."""

import json
from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from typing import Any

from campaigns.models import Segment
from campaigns.segments.words import group_of

HERE = "here"


def spelled_out(rule: Any) -> Any:
    """A rule that compiles, with the rule of each segment that it names in place of the name. A query a segment inside."""
    if (group := group_of(rule)) is not None:
        return {group[0]: [spelled_out(part) for part in group[1]]}
    if "not" in rule:
        return {"not": spelled_out(rule["not"])}
    if "segment" in rule:
        return spelled_out(Segment.objects.values_list("rule", flat=True).get(slug=rule["segment"]))
    return rule


def key(leaf: Any) -> str:
    """The same for conditions that say the same."""
    return json.dumps(leaf, sort_keys=True)


def put_together(rule: Any, found: Mapping[str, Any]) -> Any:
    """Whom a rule without segments inside matches, from whom each condition does (by `key`) and who is HERE.

    found : sets of ids, or arrays of yes and no with one entry a person.
    """
    if (group := group_of(rule)) is not None:
        name, parts = group
        return reduce(and_ if name == "all" else or_, (put_together(part, found) for part in parts))
    if "not" in rule:
        return found[HERE] ^ (found[HERE] & put_together(rule["not"], found))
    return found[key(rule)]
