"""Pages that say that something may not be seen, told by their titles: no list knows them all.

A title is a word and no proof: a site may refuse by itself. So this is used only
beside other signs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from analysis.facts import Step

_REFUSAL: Final = re.compile(
    r"access\W+(\w+\W+){0,4}(denied|blocked|forbidden|restricted|prohibited)"
    r"|(site|page|website|resource|content|url|domain)\W+(\w+\W+){0,3}(blocked|banned|restricted|prohibited|censored)"
    r"|\bblocked\W+(by|page|site|website|content|due)\b"
    r"|доступ\w*\W+(\w+\W+){0,4}(огранич|запрещ|заблокир|закрыт)|заблокирован|бұғатта|шектел"
    r"|acc[eè]s\W+(\w+\W+){0,3}(refus|interdit|bloqu)|acceso\W+(\w+\W+){0,3}(denegad|bloquead|restringid)"
    r"|accesso\W+(\w+\W+){0,3}(negat|bloccat|vietat)|(sitio|sito|sayfa|site)\W+(\w+\W+){0,3}(bloquead|oscurat|engellen)"
    r"|eri[şs]ime\W+(\w+\W+){0,3}(engellen|kapat)|internet\s?positif|نفوذ|محجوب|ممنوع",
    re.IGNORECASE,
)
_TITLE_CHARS: Final = 200


def is_refusal_page(page: Step) -> bool:
    """Tell whether a page's title refuses it, or a list of known block pages has it."""
    return page.fingerprint is not None or bool(page.title and _REFUSAL.search(page.title[:_TITLE_CHARS]))
