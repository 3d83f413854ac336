"""What a client was told, whatever the SDK."""

from dataclasses import dataclass, field


@dataclass
class Said:
    """An answer as the SDK showed it."""

    text: str
    # Prompt, completion, total, in the ledger's terms: the prompt with all that was cached.
    usage: list
    thoughts: str = ""
    # Name and arguments, in order.
    calls: list = field(default_factory=list)
    model: str = None
