import json
import re
from typing import Any

import pytest

from gateway.pages import all_pages


def no_metrics() -> bytes:
    return b""


PAGES = ("/", "/docs", "/problems/")


@pytest.fixture
def pages() -> dict[str, Any]:
    return all_pages({"openapi": "3.1.0"}, no_metrics, lambda: False)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(
    pages: dict[str, Any], path: str
) -> None:
    content = pages[path]()
    text = content.body.decode()
    headers = dict(content.headers)
    assert headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert not re.search(r"https?://", text)
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    for reference in re.findall(r'(?:src|href)="(/assets/[^"]+)"', text):
        assert reference in pages


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read_by_everybody(pages: dict[str, Any], path: str) -> None:
    text = pages[path]().body.decode()
    assert '<html lang="en">' in text
    assert "<title>" in text
    assert text.count("<h1") == 1
    assert "<main" in text
    for control in re.findall(r'<select id="(\w+)"', text):
        assert f'for="{control}"' in text


def test_the_columns_of_a_stacked_table_name_its_cells(pages: dict[str, Any]) -> None:
    heads = set(re.findall(r"<th [^>]*>([^<]+)</th>", pages["/"]().body.decode()))
    labels = set(re.findall(r'cell\("([^"]+)"', pages["/assets/index.js"]().body.decode()))
    assert labels == heads


def test_scripts_write_no_markup(pages: dict[str, Any]) -> None:
    for path in ("/assets/index.js", "/assets/docs.js"):
        text = pages[path]().body.decode()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", text)


def test_health_and_readiness_are_told_apart(pages: dict[str, Any]) -> None:
    assert pages["/healthz"]().status == 200
    assert pages["/readyz"]().status == 503
    assert all_pages({}, no_metrics, lambda: True)["/readyz"]().status == 200


def test_the_document_is_served(pages: dict[str, Any]) -> None:
    assert json.loads(pages["/openapi.json"]().body) == {"openapi": "3.1.0"}
