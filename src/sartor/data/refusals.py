"""Answers that refuse, in the usual English words."""

import re

_SORRY = (
    r"(?:(?:i['’]?m|i am)(?: (?:very|so|really|truly))? sorry|sorry|i apologi[sz]e|(?:my )?apologies|unfortunately)"
)
_UNABLE = (
    r"i (?:can(?:no|['’]?)t|can not|am (?:unable|not able) to|won['’]?t(?: be able to)?|will not|must decline to)|"
    r"i['’]m (?:unable|not able) to"
)
_DEED = (
    r"(?:answer|assist|comply|continue|create|discuss|do (?:that|this)|engage|fulfill?|generate|give|help|offer|process|"
    r"produce|provide|respond|share|summari[sz]e|support|translate|write)"
)
_REFUSAL = re.compile(
    rf"(?:as an? (?:ai|(?:large )?language model)\b|(?:{_SORRY}[\s,.;:!–—-]*(?:but\s+)?)?(?:{_UNABLE})\s+{_DEED}\b)",
    re.IGNORECASE,
)


def refuses(text: str) -> bool:
    """Whether the text begins by refusing: `I'm sorry, but I cannot help`, `As an AI …`; `I can't sleep` does not."""
    return _REFUSAL.match(text) is not None
