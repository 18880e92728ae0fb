"""A small country by chance: its operators, and the elements that a packet passes on its way.

An element is anything that may break by itself: a home, a last mile, a tower, a
fibre, a duct that several operators share without saying so, a core, an
exchange, a way abroad, a network, a server. A route is the elements in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evaluate.simulate.dice import Dice

PLACES = ("Harbour", "Capital", "Steppe", "Hills")
HELPERS = tuple(f"45.33.32.{i}" for i in range(1, 9))
PUBLIC_DNS = "149.112.112.112"
NO_RESOLVER = "45.33.40.1"
"""An address of ours at which no resolver runs."""
CERTIFIED = "genuine"

_NAMES = (
    ("social", "social-square.com"), ("video", "tubevision.com"), ("news", "gazeta-daily.org"),
    ("paper", "respub-archive.net"), ("tv", "kanal-seven.tv"), ("chat", "talkabout.im"),
    ("search", "findwell.com"), ("blog", "openjournal.net"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where somebody measures from."""

    vantage: str
    region: str
    operator: str
    network: str
    bearer: str
    role: str = "probe"
    way: tuple[str, ...] = ()
    """To the operator's core."""
    gateway: str = ""
    """The way abroad of its operator."""

    @property
    def is_sentinel(self) -> bool:
        """Whether it stands outside the country."""
        return self.role == "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is measured: one name, at one or two addresses."""

    service: str
    host: str
    addresses: tuple[str, ...]
    kind: str = "target"
    is_plain: bool = False
    path: str = "/"
    is_home: bool = False

    @property
    def url(self) -> str:
        """The target's URL."""
        return f"{'http' if self.is_plain else 'https'}://{self.host}{self.path}"

    @property
    def name(self) -> str:
        """The target's name."""
        return self.host if self.path == "/" else self.host + self.path


@dataclass(frozen=True, kw_only=True)
class Plant:
    """The country, whoever measures in it, and what they measure."""

    vantages: tuple[Place, ...]
    sites: tuple[Site, ...]
    controls: tuple[Site, ...]
    portal: Site
    gateways: tuple[str, ...]

    @cached_property
    def probes(self) -> tuple[Place, ...]:
        """Those in the country."""
        return tuple(v for v in self.vantages if not v.is_sentinel)

    @property
    def operators(self) -> tuple[str, ...]:
        """Those that a probe stands with."""
        return tuple(sorted({v.operator for v in self.probes}))

    @property
    def regions(self) -> tuple[str, ...]:
        """Those that a probe stands in."""
        return tuple(sorted({v.region for v in self.probes}))

    def of(self, *, operator: str | None = None, region: str | None = None) -> tuple[Place, ...]:
        """Give the probes of an operator, of a region, or of both."""
        return tuple(v for v in self.probes if operator in {None, v.operator} and region in {None, v.region})

    def behind(self, element: str) -> tuple[Place, ...]:
        """Give the probes whose way to their core passes an element."""
        return tuple(v for v in self.probes if element in v.way)

    def route(self, vantage: Place, address: str, *, is_home: bool) -> tuple[str, ...]:
        """Give the elements from a vantage to a server."""
        network = "net:" + address.rpartition(".")[0]
        server = "server:" + address
        if vantage.is_sentinel:
            return (
                (*vantage.way, self.gateways[0], "ix", network, server) if is_home else (*vantage.way, network, server)
            )
        beyond = ("ix",) if is_home else (vantage.gateway,)
        return (*vantage.way, *beyond, network, server)


def build(dice: Dice, *, targets: tuple[int, int], probes: tuple[int, int]) -> Plant:
    """Draw a country: two to four operators in one to three regions, a sentinel, and what is measured."""
    regions = PLACES[: dice.choice((2, 2, 3))]
    operators = [f"op{i}" for i in range(1, dice.choice((3, 3, 4)) + 1)]
    bearers = {operator: dice.choice((("fixed",), ("mobile",), ("fixed", "mobile"))) for operator in operators}
    ducts = {region: _duct(dice, operators) for region in regions}
    gateways = ("gateway:1", "gateway:2")[: dice.choice((1, 1, 2))]
    ways_out = {operator: dice.choice(gateways) for operator in operators}
    count = dice.randint(*probes)
    seats = [(region, operator) for region in regions for operator in operators]
    first = dice.sample(seats, len(seats))
    # Two of one network in one region first: with fewer no network may be named.
    drawn = [first[0], first[0], *first[1:], *dice.choices(seats, k=count)][:count]
    vantages = [
        _probe(
            f"{region.lower()}-{operator}-{number}", region, operator, dice.choice(bearers[operator]), ducts, ways_out
        )
        for number, (region, operator) in enumerate(drawn, 1)
    ]
    sentinel = Place(
        vantage="sentinel", region="Frankfurt", operator="abroad", network="AS24940", bearer="fixed", role="control",
        way=("home:sentinel", "mile:sentinel"),
    )  # fmt: skip
    return Plant(
        vantages=(*vantages, sentinel),
        sites=tuple(_sites(dice, dice.randint(*targets))),
        controls=(
            Site(
                service="controls", host="egov-portal.kz", addresses=("92.47.1.1",), kind="control-home", is_home=True
            ),
            Site(
                service="controls", host="kazpost-mail.kz", addresses=("92.47.2.1",), kind="control-home", is_home=True
            ),
            Site(service="controls", host="example-one.org", addresses=("9.30.1.1",), kind="control-abroad"),
            Site(service="controls", host="example-two.net", addresses=("9.31.1.1",), kind="control-abroad"),
        ),
        portal=Site(
            service="controls", host="check-portal.org", addresses=("9.30.1.9",), kind="portal-check", is_plain=True
        ),
        gateways=gateways,
    )


def _duct(dice: Dice, operators: list[str]) -> frozenset[str]:
    """Draw who shares a duct of a region: nobody, some, or all."""
    if dice.random() >= 0.6:
        return frozenset()
    return frozenset(dice.sample(operators, dice.choice((2, len(operators)))))


def _probe(
    name: str, region: str, operator: str, bearer: str, ducts: dict[str, frozenset[str]], ways_out: dict[str, str]
) -> Place:
    duct = (f"duct:{region}",) if operator in ducts[region] else ()
    return Place(
        vantage=name,
        region=region,
        operator=operator,
        network=f"AS{64495 + int(operator[2:])}",
        bearer=bearer,
        way=(
            f"home:{name}", f"mile:{name}", f"site:{operator}/{bearer}/{region}", f"haul:{operator}/{region}", *duct,
            f"core:{operator}",
        ),
        gateway=ways_out[operator],
    )  # fmt: skip


def _sites(dice: Dice, count: int) -> list[Site]:
    """Draw targets. Some share a content network, two of one service stand together, one or two are plain HTTP."""
    sites: list[Site] = []
    plain = {dice.randrange(count), dice.randrange(count)} if dice.random() < 0.7 else set()
    for number, (service, host) in enumerate(dice.sample(_NAMES, count)):
        is_shared = dice.random() < 0.4
        network = "104.24.1" if is_shared else f"157.240.{number + 1}"
        addresses = tuple(f"{network}.{10 * number + i}" for i in range(1, dice.choice((1, 2)) + 1))
        is_plain = number in plain
        path = "/watch?v=y4De4CSE" if is_plain and service == "video" else "/"
        sites.append(Site(service=service, host=host, addresses=addresses, is_plain=is_plain, path=path))
    first = next((site for site in sites if not site.is_plain), None)
    if first is not None and dice.random() < 0.5:
        sites.append(Site(service=first.service, host="m." + first.host, addresses=first.addresses))
    return sites
