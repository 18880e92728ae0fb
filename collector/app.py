"""The collector on the web (ASGI): what :mod:`collector.service` does, under OpenAPI's eyes.

Bodies are read up to their limit and no further. A signature covers the body as
it came, so nothing is parsed before it has been checked.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from fastapi import FastAPI, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.metrics import CONTENT_TYPE, Metrics
from collector.refusals import RefusedError, Why
from collector.service import Call, Service, as_dict
from probe.uplink.batch import LIMITS, MEDIA_TYPE
from probe.uplink.signing import NOBODY

if TYPE_CHECKING:
    from probe.store.chain import End

LOG: Final = logging.getLogger("nameblind.collector")
_SMALL_BODY: Final = 8_192
_Model = TypeVar("_Model", bound=BaseModel)
_RETRY_AFTER_S: Final = 60
BODY_TIMEOUT_S: Final = 120.0
"""A batch of some 100 kB comes through 1 kB/s; what drips for longer holds a place that others need."""

ProbeId = Annotated[str, Header(alias="Nameblind-Probe", max_length=64)]
Signature = Annotated[str, Header(alias="Nameblind-Signature", max_length=128, description="Ed25519, base64.")]
VantageId = Annotated[str, Path(min_length=1, max_length=64)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Enrolment(_Strict):
    """Who wants to send facts, and who let it."""

    token: str = Field(min_length=1, max_length=128)
    public_key: str = Field(min_length=1, max_length=64, description="Base64 of the 32 bytes of an Ed25519 key.")


class Rotation(_Strict):
    """The key that a probe goes on with."""

    public_key: str = Field(min_length=1, max_length=64, description="Base64 of the 32 bytes of an Ed25519 key.")


class Place(_Strict):
    """Where a chain ends."""

    chain_seq: int
    chain_sha256: str


class Schedule(_Strict):
    """A version of what is measured, signed by the collector."""

    version: int
    text: str
    signature: str


class Welcome(_Strict):
    """All that an enrolled probe needs."""

    probe_id: str
    collectors: list[str]
    collector_public_key: str
    schedule: Schedule | None


class Receipt(_Strict):
    """What was committed of a batch."""

    vantage_id: str
    end: Place
    new_rows: int
    repeated_rows: int


class Held(_Strict):
    """Where a chain stands at the collector."""

    end: Place


class Problem(_Strict):
    """Why a request was not granted."""

    reason: str
    message: str
    end: Place | None = None


_BINARY: Final = {
    "requestBody": {
        "required": True,
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        "description": "Lines of facts, compressed with gzip; docs/uplink.md describes them.",
    }
}


def _json_body(model: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem} for status in (*statuses, 400, 401, 403, 408, 413, 422, 429, 503)}


def app_of(service: Service) -> FastAPI:
    """Give the application over a service."""
    app = FastAPI(
        title="Nameblind collector",
        version="1",
        description="It takes facts from enrolled probes, or says why not.",
        docs_url=None,
        redoc_url=None,
    )
    metrics = Metrics()
    app.state.metrics = metrics

    @app.post("/v1/enrolments", status_code=201, responses=_problems(), openapi_extra=_json_body(Enrolment))
    async def enrol(request: Request, signature: Signature = "") -> Welcome:
        """Enrol a key with a token. The request is signed with that key, by the probe ``-``."""
        call = await _call(request, NOBODY, signature, _SMALL_BODY)
        wanted = _parsed(Enrolment, call.body)
        address = request.client.host if request.client else ""
        answer = await run_in_threadpool(service.enrol, call, wanted.token, wanted.public_key, address)
        return Welcome(**answer)

    @app.post("/v1/rotations", status_code=201, responses=_problems(), openapi_extra=_json_body(Rotation))
    async def rotate(request: Request, probe_id: ProbeId = "", signature: Signature = "") -> Welcome:
        """Take another identifier and key; the old ones are retired."""
        call = await _call(request, probe_id, signature, _SMALL_BODY)
        answer = await run_in_threadpool(service.rotate, call, _parsed(Rotation, call.body).public_key)
        return Welcome(**answer)

    @app.post("/v1/batches", responses=_problems(409), openapi_extra=_BINARY)
    async def batches(request: Request, probe_id: ProbeId = "", signature: Signature = "") -> Receipt:
        """Take consecutive rows of one vantage's chain. The answer comes after they are committed."""
        call = await _call(request, probe_id, signature, LIMITS.compressed_bytes)
        begun = service.clock.monotonic()
        taken = await run_in_threadpool(service.take, call)
        metrics.seconds.observe(service.clock.monotonic() - begun)
        metrics.rows.labels("new").inc(taken.new_rows)
        metrics.rows.labels("repeated").inc(taken.repeated_rows)
        return Receipt(
            vantage_id=taken.vantage_id,
            end=_place(taken.end),
            new_rows=taken.new_rows,
            repeated_rows=taken.repeated_rows,
        )

    @app.get("/v1/vantages/{vantage_id}/end", responses=_problems())
    async def end(request: Request, vantage_id: VantageId, probe_id: ProbeId = "", signature: Signature = "") -> Held:
        """Tell where a chain stands here: the probe goes on from there."""
        call = await _call(request, probe_id, signature, _SMALL_BODY)
        return Held(end=_place(await run_in_threadpool(service.end, call, vantage_id)))

    @app.get(
        "/v1/schedule", response_model=Schedule, responses={**_problems(404), 304: {"description": "No newer one."}}
    )
    async def schedule(
        request: Request,
        version: Annotated[int, Query(ge=0, le=2**53, description="The version that the probe has.")] = 0,
        probe_id: ProbeId = "",
        signature: Signature = "",
    ) -> Any:
        """Give the newest schedule, if it is newer than the probe's."""
        call = await _call(request, probe_id, signature, _SMALL_BODY)
        newest = await run_in_threadpool(service.schedule, call)
        if newest is None:
            raise RefusedError(Why.NOT_FOUND, "no schedule has been published yet")
        return Response(status_code=304) if newest.version <= version else Schedule(**as_dict(newest))

    @app.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE: {}}}})
    async def count() -> Response:
        """Give the counters, for Prometheus. Let nobody but it reach this path."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @app.exception_handler(RefusedError)
    async def refuse(request: Request, refusal: RefusedError) -> JSONResponse:
        metrics.refusals.labels(refusal.word).inc()
        LOG.info("refused", extra={"path": _route(request), "reason": refusal.word})
        content: dict[str, Any] = {"reason": refusal.word, "message": str(refusal)}
        if refusal.end is not None:
            content["end"] = _place(refusal.end).model_dump()
        headers = {"Retry-After": str(_RETRY_AFTER_S)} if refusal.why in {Why.TOO_MUCH, Why.NOT_STORED} else {}
        return JSONResponse(content, refusal.why.status, headers)

    @app.exception_handler(RequestValidationError)
    async def refuse_malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        places = sorted({".".join(map(str, one["loc"])) for one in error.errors()})
        return await refuse(request, RefusedError(Why.SCHEMA, f"not as described: {', '.join(places)[:200]}"))

    return app


async def _call(request: Request, probe_id: str, signature: str, most: int) -> Call:
    """Read a request up to a number of bytes."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise RefusedError(Why.TOO_LARGE, f"the body is larger than {most} bytes")
    except TimeoutError:
        raise RefusedError(Why.TOO_SLOW, f"the body did not come within {BODY_TIMEOUT_S:.0f} s") from None
    query = f"?{request.url.query}" if request.url.query else ""
    return Call(
        method=request.method,
        path=request.url.path + query,
        probe_id=probe_id,
        signature=signature,
        body=bytes(body),
    )


def _parsed(model: type[_Model], body: bytes) -> _Model:
    try:
        json.loads(body)  # pydantic's own parser takes NaN
        return model.model_validate_json(body)
    except (ValidationError, ValueError, RecursionError):
        raise RefusedError(Why.SCHEMA, f"the body is a JSON object with {', '.join(model.model_fields)}") from None


def _place(end: End) -> Place:
    return Place(chain_seq=end.chain_seq, chain_sha256=end.chain_sha256)


def _route(request: Request) -> str:
    """Name a path without what a probe put into it."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "unknown"))
