"""What a provider is asked and what it answers, whatever the wire format.

The last text of the user chooses the scenario: `scenario: tools` and so on. A scenario demands of
the request what must have reached the provider, and its answer and usage are fixed.
"""

import json
from dataclasses import dataclass, field

# Of text in several scripts, cut where a stream is cut.
TEXT = ["Hel", "lo! Gr\u00fc\u00dfe, ", "\u4e16\u754c ", "\U0001f30d\n", '"quoted" \\ done.']
THOUGHTS = ["Let me ", "think: 6 \u00d7 7."]
CALLS = [("get_weather", {"city": "Paris"}), ("get_time", {"zone": "Europe/Paris"})]
RESULTS = {"get_weather": "sunny", "get_time": "noon"}
SYSTEM = "Answer briefly."
SIGNATURE = "c2lnbmVkIGJ5IHRoZSBzdGFuZC1pbg=="
VECTOR = [0.5, -0.25, 1.0]
# The smallest picture: one pixel.
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


class Invalid(Exception):
    """The request is not what the provider accepts, or lacks what the scenario is about."""


@dataclass
class Question:
    """A request, as far as scenarios look at it."""

    model: str
    text: str
    stream: bool = False
    system: str = ""
    tools: set = field(default_factory=set)
    # What each tool that was called has answered, by the tool's name.
    results: dict = field(default_factory=dict)
    pictures: list = field(default_factory=list)
    schema: dict = None
    thinks: bool = False
    # Whether the client is to see what was thought.
    shows: bool = True
    # The signatures of earlier thoughts and calls that came back.
    signatures: list = field(default_factory=list)


@dataclass
class Usage:
    """Tokens: the prompt with what was cached of it, the answer with what was thought."""

    prompt: int
    answer: int
    cached: int = 0
    thought: int = 0


@dataclass
class Turn:
    """An answer."""

    usage: Usage
    text: list = field(default_factory=list)
    thoughts: list = field(default_factory=list)
    calls: list = field(default_factory=list)


@dataclass
class Failure:
    """An error: the provider is asked too often."""

    status: int = 429
    message: str = "Too many requests: the stand-in wants a rest."


def demand(holds, what):
    if not holds:
        raise Invalid(what)


def answer(question):
    """Returns the turn or failure that a question asks for."""
    word = question.text.rpartition("scenario: ")[2].strip()
    scenario = SCENARIOS.get(word)
    demand(scenario is not None, f"no scenario in the last text: {question.text!r}")
    demand(SYSTEM in question.system, f"no system prompt: {question.system!r}")
    return scenario(question)


def text(question):
    return Turn(Usage(31, 7, cached=8), text=TEXT)


def tools(question):
    names = {name for name, _ in CALLS}
    demand(question.tools == names, f"tools {question.tools}")
    if not question.results:
        return Turn(Usage(52, 24), calls=CALLS)
    demand(set(question.results) == names, f"results {question.results}")
    for name, result in RESULTS.items():
        demand(result in question.results[name], f"{name} has {question.results[name]}")
    return Turn(Usage(77, 9), text=["It is sunny", " in Paris at noon."])


def signed(question):
    """Calls tools after thinking, and wants its signature back with their results."""
    turn = tools(question)
    if question.results:
        demand(SIGNATURE in question.signatures, f"signatures {question.signatures}")
        return turn
    turn.usage, turn.thoughts = Usage(53, 36, thought=12), THOUGHTS
    return turn


def thinking(question):
    demand(question.thinks, "nobody asked to think")
    thoughts = THOUGHTS if question.shows else []
    return Turn(Usage(41, 19, thought=12), thoughts=thoughts, text=["It is ", "42."])


def picture(question):
    demand(question.pictures == [PICTURE], f"pictures {question.pictures}")
    return Turn(Usage(265, 6), text=["A single", " pixel."])


def schema(question):
    demand(question.schema is not None, "no JSON schema")
    demand("population" in question.schema.get("properties", {}), f"schema {question.schema}")
    return Turn(Usage(61, 15), text=['{"city": "Paris",', ' "population": 2100000}'])


def error(question):
    return Failure()


SCENARIOS = {
    "text": text,
    "tools": tools,
    "signed": signed,
    "thinking": thinking,
    "picture": picture,
    "schema": schema,
    "error": error,
}


def exhaust(value):
    """Validates what pydantic leaves for later: it checks an `Iterable` when it is iterated."""
    if isinstance(value, dict):
        return {name: exhaust(member) for name, member in value.items()}
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return value
    return [exhaust(item) for item in value]


def known_members(body, *kinds):
    """Refuses a member that no version of the request's type has."""
    known = set()
    for kind in kinds:
        known |= set(kind.__annotations__)
        for base in getattr(kind, "__orig_bases__", ()):
            known |= set(getattr(base, "__annotations__", {}))
    unknown = set(body) - known
    demand(not unknown, f"unknown members {sorted(unknown)}")


def dumps(value):
    return json.dumps(value, ensure_ascii=False)


def event(value, name=None):
    """Writes a server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {dumps(value)}\n\n"
