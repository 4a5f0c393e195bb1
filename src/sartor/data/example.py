"""One row of a task, ready to be rendered into a prompt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    id: str
    """The row's own id, else its number in the file, from 1."""
    messages: tuple[Message, ...]
    """What the model reads, the templates filled: system (where there is one), user, …; ends with a user turn."""
    target: str
    """What the model should answer, exactly as supervised; JSON is compact with the keys in the row's order."""
    labels: tuple[str, ...] = ()
    """Classification: the gold label, or labels. Empty for other kinds."""
    group: str | None = None
    subject: str | None = None
    source: str = ""
    """Where the row came from, for error messages: `notes.jsonl:12`."""
    annotations: tuple[tuple[str, str], ...] = ()
    """What people answered, each as (annotator, answer as a target would be written); an unnamed person is ``."""
    columns: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Every column of a test row, as the file has it: for metrics, slices and a task's own KPIs. Empty for other rows."""

    @property
    def question(self) -> str:
        """The last user message: what an encoder reads, and what duplicates are judged by."""
        return self.messages[-1].content

    @property
    def conversation(self) -> str:
        """All that is asked, turn after turn, without the system message."""
        return "\n".join(message.content for message in self.messages if message.role != "system")
