"""Measurements as OONI's web_connectivity 0.5 and 0.4 write them, built from what happened. No data of OONI's."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

SITE, OTHER, BOX = "93.184.216.34", "104.154.89.105", "83.224.65.41"
OWN_BOX = "130.192.182.17"
HOST = "www.example.com"
TITLE = "An example"
PAGE = f"<html><title>{TITLE}</title><body>{'words of the site itself ' * 60}</body></html>"
REFUSAL = "<html><title>Access Denied</title><body>no</body></html>"


def measurement(url: str = f"https://{HOST}/", **keys: Any) -> dict[str, Any]:
    """One measurement; the test keys are given."""
    return {
        "annotations": {"network_type": "wifi"},
        "data_format_version": "0.2.0",
        "input": url,
        "measurement_start_time": "2024-02-12 20:33:47",
        "probe_asn": "AS137",
        "probe_cc": "IT",
        "probe_ip": "127.0.0.1",
        "probe_network_name": "Somebody's network",
        "report_id": "",
        "resolver_asn": "AS137",
        "resolver_ip": "130.192.3.21",
        "software_name": "ooniprobe",
        "software_version": "3.22.0",
        "test_helpers": {"backend": {"address": "https://0.th.ooni.org/", "type": "https"}},
        "test_keys": {"queries": [], "tcp_connect": [], "tls_handshakes": [], "requests": [], **keys},
        "test_name": "web_connectivity",
        "test_runtime": 1.5,
        "test_start_time": "2024-02-12 20:33:40",
        "test_version": "0.5.28",
    }


def query(
    asked: str, *addresses: str, failure: str | None = None, host: str = HOST, depth: int = 0, **more: Any
) -> Any:
    resolver = {"getaddrinfo": "", "udp": "1.1.1.1:53", "doh": "https://dns.google/dns-query"}[asked]
    networks = {SITE: 15133, OTHER: 396982, BOX: 30722, OWN_BOX: 137}
    answers = [
        {
            "answer_type": "AAAA" if ":" in a else "A",
            "ipv6" if ":" in a else "ipv4": a,
            "asn": networks.get(a),
            "ttl": None,
        }
        for a in addresses
    ]
    return {
        "engine": asked,
        "hostname": host,
        "query_type": "ANY" if asked == "getaddrinfo" else "A",
        "failure": failure,
        "answers": answers or None,
        "resolver_address": resolver,
        "t": 0.1,
        "t0": 0.0,
        "tags": [f"depth={depth}"] + (["classic"] if asked == "getaddrinfo" else []),
        "transaction_id": 1,
        **more,
    }


def dns(system: Any, udp: Any = "same", doh: Any = SITE) -> list[Any]:
    """Three resolvers; each gives an address, or a failure by name."""
    udp = system if udp == "same" else udp
    told = {"getaddrinfo": system, "udp": udp, "doh": doh}
    return [
        query(engine, failure=what) if what and not what[0].isdigit() else query(engine, *([what] if what else []))
        for engine, what in told.items()
        if what is not None
    ]


def _tags(depth: int, *, is_classic: bool, is_page: bool) -> list[str]:
    return [*(["classic"] if is_classic else []), f"depth={depth}", f"fetch_body={'true' if is_page else 'false'}"]


def connect(
    ip: str = SITE,
    port: int = 443,
    failure: str | None = None,
    depth: int = 0,
    *,
    classic: bool = True,
    page: bool = True,
) -> Any:
    return {
        "ip": ip,
        "port": port,
        "status": {"failure": failure, "success": failure is None},
        "t": 0.3,
        "t0": 0.2,
        "tags": _tags(depth, is_classic=classic, is_page=page),
        "transaction_id": 2,
    }


def shake(
    ip: str = SITE,
    failure: str | None = None,
    depth: int = 0,
    host: str = HOST,
    *,
    classic: bool = True,
    page: bool = True,
) -> Any:
    return {
        "address": f"{ip}:443",
        "server_name": host,
        "failure": failure,
        "no_tls_verify": False,
        "peer_certificates": None,
        "cipher_suite": "",
        "negotiated_protocol": "",
        "tls_version": "",
        "t": 0.5,
        "t0": 0.4,
        "tags": _tags(depth, is_classic=classic, is_page=page),
        "transaction_id": 2,
    }


def get(
    url: str = f"https://{HOST}/",
    body: str = PAGE,
    status: int = 200,
    failure: str | None = None,
    location: str | None = None,
    ip: str = SITE,
    depth: int = 0,
    *,
    classic: bool = True,
    cut: bool = False,
) -> Any:
    port = 443 if url.startswith("https") else 80
    headers = {"Content-Type": "text/html"} | ({"Location": location} if location else {})
    return {
        "address": f"{ip}:{port}",
        "failure": failure,
        "request": {"url": url, "method": "GET"},
        "response": {
            "code": status,
            "headers": headers,
            "headers_list": [list(h) for h in headers.items()],
            "body": body,
            "body_is_truncated": cut,
        },
        "t": 0.9,
        "t0": 0.6,
        "tags": _tags(depth, is_classic=classic, is_page=True),
        "transaction_id": 2,
    }


def control(
    *,
    addrs: tuple[str, ...] = (SITE,),
    dns_failure: str | None = None,
    tcp: dict[str, str | None] | None = None,
    tls: dict[str, str | None] | None = None,
    status: int = 200,
    failure: str | None = None,
    title: str = TITLE,
    length: int = len(PAGE),
) -> dict[str, Any]:
    """What the helper says: by default that all is well."""
    tcp = {f"{SITE}:443": None, f"{SITE}:80": None} if tcp is None else tcp
    tls = {f"{SITE}:443": None} if tls is None else tls
    return {
        "dns": {"failure": dns_failure, "addrs": list(addrs)},
        "tcp_connect": {e: {"status": f is None, "failure": f} for e, f in tcp.items()},
        "tls_handshake": {e: {"server_name": HOST, "status": f is None, "failure": f} for e, f in tls.items()},
        "http_request": {
            "failure": failure,
            "status_code": -1 if failure else status,
            "body_length": -1 if failure else length,
            "title": "" if failure else title,
            "headers": {},
        },
        "ip_info": {SITE: {"asn": 15133}, BOX: {"asn": 30722}},
    }


GONE = {"addrs": (), "dns_failure": "dns_name_error", "tcp": {}, "tls": {}, "failure": "dns_lookup_error"}
DOWN = {"tcp": {f"{SITE}:443": "generic_timeout_error"}, "tls": {}, "failure": "unknown_error"}


def web(url: str = f"https://{HOST}/", **keys: Any) -> dict[str, Any]:
    """A measurement in which all is well, but for the keys that are given."""
    is_https = url.startswith("https")
    port = 443 if is_https else 80
    well = {
        "queries": dns(SITE),
        "tcp_connect": [connect(port=port)] + ([] if is_https else [connect(page=False)]),
        "tls_handshakes": [shake(page=is_https)],
        "requests": [get(url)],
        "control": control(),
        "control_failure": None,
    }
    return measurement(url, **(well | keys))


def classic_04(url: str = f"http://{HOST}/", **keys: Any) -> dict[str, Any]:
    """The same as the test before 0.5 tells it: one resolver, no tags, no handshakes, the latest request first."""
    port = 443 if url.startswith("https") else 80
    made = {
        "queries": [query("getaddrinfo", SITE, engine="system", query_type="A", tags=None)],
        "tcp_connect": [connect(port=port) | {"tags": None}],
        "tls_handshakes": [],
        "requests": [untagged(get(url))],
        "control": control(tls={}),
        "control_failure": None,
    }
    value = measurement(url, **(made | keys))
    value["test_version"] = "0.4.3"
    return value


def untagged(item: dict[str, Any]) -> dict[str, Any]:
    plain = deepcopy(item)
    return {key: value for key, value in plain.items() if key not in {"tags", "address", "t0"}}
