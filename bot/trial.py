"""Operators who try the bot beside the editor: what they ask is nobody's need, and no mediator is called."""

CHANNEL = "try"
_PREFIX = "try-"


def key_of(pseudonym: str) -> str:
    """The name under which Rasa and the actions know such a visitor."""
    return _PREFIX + pseudonym[len(_PREFIX) :]


def is_trial(key: str) -> bool:
    """Whether a conversation is one of these."""
    return key.startswith(_PREFIX)
