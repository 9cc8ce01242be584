"""窓口 (web): the HTTP door: health and a machine-readable description; the one place where a Refusal becomes problem+json (RFC 9457).

The portal's pages and the full API come on top of this application; no data can be read or changed here yet.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from kiban_applications.migrations import steps
from kiban_operator import home as homes
from kiban_operator.circumstances import Circumstances
from kiban_processing.language import prefer
from kiban_processing.refusals import Family, Refusal

LOG = logging.getLogger("kiban.web")

STATUS: dict[Family, int] = {Family.LAW: 403, Family.INPUT: 422, Family.STATE: 409, Family.PERMISSION: 403, Family.INTEGRITY: 500}

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Health(BaseModel):
    """稼働状況: `ok` when the control data answer and are of today's shape."""

    ok: bool
    version: str
    database: str


def application(home_path: Path, circumstances: Circumstances) -> FastAPI:
    """The web application of one home. Refuses: no-home."""
    opened = homes.open_home(home_path, circumstances)
    app = FastAPI(title="kiban 基盤", version=version("kiban"), docs_url=None, redoc_url=None)

    @app.middleware("http")
    async def add_headers(request: Request, call_next):  # type: ignore[no-untyped-def]
        try:
            response = await call_next(request)
        except Exception as error:  # caught here, or the server would log its message, which may quote data, and answer without headers
            LOG.error("a defect of kiban: %s in %s", type(error).__name__, getattr(request.scope.get("route"), "path", "-"))
            problem = {"type": "urn:kiban:defect", "title": "kiban の不具合です。 / A defect of kiban.", "status": 500}
            response = JSONResponse(problem, 500, media_type="application/problem+json")
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(Refusal)
    async def refuse(request: Request, refusal: Refusal) -> JSONResponse:
        language = prefer(request.headers.get("accept-language"))
        told = refusal.as_json(language)
        problem = {"type": f"urn:kiban:refusal:{refusal.code}", "title": told["what"], "detail": told["remedy"], "article": told["article"]}
        status = STATUS[refusal.ground.family]
        return JSONResponse({**problem, "status": status}, status, media_type="application/problem+json")

    @app.get("/healthz", summary="稼働状況 / health")
    def healthz() -> Health:
        current, newest = steps.revisions(opened.engine)
        return Health(ok=current == newest, version=version("kiban"), database=current or "none")

    return app
