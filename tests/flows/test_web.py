"""The HTTP door: health, description, the headers every answer carries, and a Refusal as problem+json (RFC 9457)."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from kiban_applications import web
from kiban_operator import home, submissions
from kiban_operator.circumstances import Circumstances
from kiban_processing.refusals import Family, Refusal


@pytest.fixture
def app(place: Any) -> FastAPI:
    return web.application(place.path, Circumstances(place.clock, place.entropy, "system"))


class Client:
    """Asks the application in this process, over no network."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://kiban.example") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def client(app: FastAPI) -> Client:
    @app.get("/refused")
    def refused() -> None:
        raise submissions.SUBMISSION_UNKNOWN.refuse(submission="s-none")

    return Client(app)


def test_health(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    found = answer.json()
    assert found["ok"] is True and found["database"] and found["version"]


def test_health_says_when_the_database_is_of_another_shape(client: Client, place: Any) -> None:
    with place.home.transaction() as session:
        session.execute(sa.text("DELETE FROM alembic_version"))
    assert client.get("/healthz").json() == {**client.get("/healthz").json(), "ok": False, "database": "none"}


def test_description(client: Client) -> None:
    described = client.get("/openapi.json").json()
    assert "/healthz" in described["paths"] and described["info"]["title"].startswith("kiban")


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/refused", "/nowhere", "/docs", "/redoc"])
def test_every_answer_carries_the_headers(client: Client, path: str) -> None:
    answer = client.get(path)
    for name, value in web.HEADERS.items():
        assert answer.headers[name] == value
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_defect_tells_nothing_and_carries_the_headers(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/broken/{patient}")
    def broken(patient: str) -> None:
        raise ValueError(f"患者 {patient}")

    answer = Client(app).get("/broken/00414454")
    assert answer.status_code == 500 and answer.headers["content-type"] == "application/problem+json"
    assert "ValueError" in caplog.text
    for told in (answer.text, caplog.text):
        assert "00414454" not in told and "患者" not in told
    for name, value in web.HEADERS.items():
        assert answer.headers[name] == value


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_that_loads_from_elsewhere(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("language", "word"), [("ja", "受領番号"), ("en", "no submission"), ("fr", ""), ("en-GB,en;q=0.9,ja;q=0.5", "no submission")]
)
def test_refusal_is_a_problem_document(client: Client, language: str, word: str) -> None:
    answer = client.get("/refused", headers={"accept-language": language})
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["type"] == "urn:kiban:refusal:submission-unknown"
    assert problem["status"] == answer.status_code == 422
    assert word in problem["title"] and problem["detail"]


def test_every_family_has_a_status() -> None:
    assert set(web.STATUS) == set(Family)
    assert all(400 <= status < 600 for status in web.STATUS.values())


def test_no_home_no_door(tmp_path: Any, place: Any) -> None:
    with pytest.raises(Refusal) as refused:
        web.application(tmp_path / "nowhere", Circumstances(place.clock, place.entropy, "system"))
    assert refused.value.ground is home.NO_HOME
