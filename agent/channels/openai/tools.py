"""Tools that a front-end offers, called when the turn's decision says so. Never one that was not offered, and never with a
number, a place or a person that its description does not give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from agent.channels.openai.arguments import Wanted, arguments_for
from agent.channels.openai.chunks import ToolCall
from agent.channels.openai.requests import ChatCompletion
from agent.turn import Action, Language

END = frozenset({"endcall", "hangup", "hangupcall", "endconversation", "endsession"})
TRANSFER = frozenset(
    {"transfertonumber", "transfercall", "transfer", "transfertohuman", "transfertoperson", "handoff", "handofftohuman"}
)
SKIP = frozenset({"skipturn"})
LANGUAGE = frozenset({"languagedetection"})
"""Names by which platforms know the tools, in small letters and without signs."""


@dataclass(frozen=True, slots=True)
class Offered:
    name: str
    description: str
    parameters: Mapping[str, Any]


def calls_for(turn: Mapping[str, Any], before: Language | None, body: ChatCompletion) -> list[ToolCall]:
    """``turn`` as in ``agent.channels.shapes.TurnResponse``; ``before``: the language spoken until then, if it is known."""
    offered = offered_in(body)
    if not offered or turn["interrupted"]:
        return []
    action, topic, language = turn["recommended_action"]["type"], turn["handoff"], turn["language"]
    if turn["held_by"]:  # what was decided is advice
        return _call(offered, SKIP, Wanted("a person has the conversation", None, language))
    calls: list[ToolCall] = []
    if before is not None and language != before:
        reason = f"the customer speaks another language now: {language}"
        calls += _call(offered, LANGUAGE, Wanted(reason, None, language))
    if topic or action == Action.HANDOFF_TO_HUMAN.value:
        reason = f"a person has to take over: {topic.replace('_', ' ')}" if topic else "a person has to take over"
        calls += _call(offered, TRANSFER, Wanted(reason, topic, language))
    elif action == Action.CLOSE_POLITELY.value:  # a sale ends no call: its start is still to be arranged
        calls += _call(offered, END, Wanted("the conversation is over", None, language))
    if not calls and not turn["response"]:
        calls += _call(offered, SKIP, Wanted("there is nothing to say", None, language))
    return calls


def offered_in(body: ChatCompletion) -> list[Offered]:
    """What may be called of the request's tools; what is not a function with a name is passed over."""
    if body.forced_tool == "":
        return []
    found: list[Offered] = []
    for tool in body.tools or ():
        function = cast(object, tool.get("function", tool))
        if isinstance(function, dict):
            given = cast(dict[str, Any], function)
            name, description, parameters = given.get("name"), given.get("description"), given.get("parameters")
            if isinstance(name, str) and name and body.forced_tool in (None, name):
                described = description if isinstance(description, str) else ""
                schema = cast(dict[str, Any], parameters) if isinstance(parameters, dict) else {}
                found.append(Offered(name, described, schema))
    return found


def _call(offered: Sequence[Offered], names: frozenset[str], wanted: Wanted) -> list[ToolCall]:
    """The first tool of such a name whose arguments are known; none when there is none."""
    for tool in offered:
        if "".join(char for char in tool.name.lower() if char.isalnum()) in names:
            arguments = arguments_for(tool.parameters, tool.description, wanted)
            if arguments is not None:
                return [ToolCall(tool.name, orjson.dumps(arguments).decode())]
    return []
