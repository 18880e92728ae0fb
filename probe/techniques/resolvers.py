"""What encrypted resolvers say, and whether the addresses that nobody dialled yet prove the name.

The routine asks no encrypted resolver, because each question costs a handshake.
On an anomaly they are asked, and a few addresses that only they gave, or that
came late, are dialled. Over https each is asked to prove the name: whoever gave
an address that proves it told no lie. Where the routine got no page, it is
fetched over the first of them that works. These steps go on from the routine,
and are read together with it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from probe import measure
from probe.anomaly import Anomaly
from probe.model import Operation
from probe.techniques.technique import Technique
from probe.watching import routine_url

if TYPE_CHECKING:
    from probe.measure import Page, Seen, Tools
    from probe.model import Observation
    from probe.record import Step
    from probe.techniques.technique import Case


async def run(case: Case) -> None:
    """Ask the encrypted resolvers, and dial up to ``addresses_per_family`` new addresses of each family."""
    page = measure.Page.of(case.target.url)
    is_page_wanted = not measure.is_answered(case.routine_steps)
    attempt = max((step.attempt for step in case.routine_steps), default=0) + 1
    tools = case.tools
    encrypted = [resolver for resolver in tools.resolvers if resolver.transport.is_encrypted]
    for seen in await measure.resolve(page.host, encrypted, tools):
        case.keep(seen, attempt=attempt)
    addresses = _not_dialled(case.routine_steps, tools.limits.addresses_per_family)
    if addresses:
        visit = partial(_fetch, addresses=addresses, is_page_wanted=is_page_wanted)
        await measure.follow(routine_url(case.target), tools, attempt, visit, case.keep_step)


async def _fetch(page: Page, tools: Tools, *, addresses: list[str], is_page_wanted: bool) -> Seen:
    manner = measure.manner_of(page, tools)
    return await measure.fetch(page, addresses, tools, is_page_wanted=is_page_wanted, manner=manner)


def _not_dialled(steps: list[Step], per_family: int) -> list[str]:
    """Choose addresses of the target's own host that nobody dialled, the encrypted resolvers' before all others."""
    seen = [step.observation for step in steps if step.redirect == 0]
    dialled = {s.address for s in seen if s.operation is Operation.TCP and s.address}
    queries = [s for s in seen if s.operation is Operation.DNS]
    return measure.addresses_of(sorted(queries, key=_is_plain), per_family, without=dialled)


def _is_plain(query: Observation) -> bool:
    return query.transport is None or not query.transport.is_encrypted


RESOLVERS = Technique(
    name="resolvers",
    summary="encrypted resolvers, and whether other addresses prove the name",
    looks_into=frozenset({Anomaly.UNANSWERED, Anomaly.ODD_NAME, Anomaly.ODD_CERTIFICATE, Anomaly.ODD_STATUS}),
    most_bytes=90_000,
    most_s=60.0,
    run=run,
)
