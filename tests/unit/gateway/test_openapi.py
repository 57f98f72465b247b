import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from flightmesh.clock import SystemClock, SystemRandomness
from gateway.bindings import all_bindings
from gateway.bootstrap import build_gateway
from gateway.config import GatewayConfig
from gateway.openapi import path_of
from gateway.path_template import parse_template
from gateway.transcoding import RequestReader
from tests.unit.gateway.fake_backend import FakeBackend

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    gateway = build_gateway(
        GatewayConfig(), FakeBackend(), clock=SystemClock(), randomness=SystemRandomness()
    )
    content: dict[str, Any] = json.loads(json.dumps(gateway.document))
    return content


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_there_is_one_operation_per_binding(document: dict[str, Any]) -> None:
    described = {
        (method.upper(), path, operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    expected = {
        (binding.http_method, path_of(binding.template), binding.operation)
        for binding in all_bindings()
    }
    assert described == expected


def test_every_operation_parameter_and_field_is_described(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            for parameter in operation["parameters"]:
                assert "$ref" in parameter or parameter["description"], parameter
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"], name
        for field, content in schema.get("properties", {}).items():
            assert content["description"], f"{name}.{field}"


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        node = document
        for key in reference.split("/"):
            node = node[key]
        assert node


def test_the_forms_of_ids_names_and_seconds_are_told(document: dict[str, Any]) -> None:
    add_leg = document["paths"]["/v1/schedules/{schedule}/rotations/{aggregate_id}:addLeg"]["post"]
    named = {one.get("name"): one for one in add_leg["parameters"]}
    seconds = document["components"]["parameters"]["RequestTimeout"]
    for parameter, right, wrong in (
        (named["aggregate_id"], "5a4f1f0e-6a0e-5d3c-8d53-0b6f0f6f4f01", "0"),
        (named["schedule"], "s05-base", "S 05"),
        (named["Idempotency-Key"], "01a208cc-a265-7264-a343-7b85af58046b", "hello"),
        (seconds, "0.5", "0.0"),
    ):
        pattern = parameter["schema"]["pattern"]
        assert re.search(pattern, right)
        assert not re.search(pattern, wrong)


def test_the_problems_that_callers_meet_are_documented(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert "410" in paths["/v1/schedules/{schedule}/findings"]["get"]["responses"]
    assert "409" in paths["/v1/shards/{shard}:move"]["post"]["responses"]


def no_header(_name: str) -> None:
    return None


def test_the_examples_are_accepted(document: dict[str, Any]) -> None:
    shown = 0
    for binding in all_bindings():
        operation = document["paths"][path_of(binding.template)][binding.http_method.lower()]
        if "requestBody" not in operation:
            continue
        example = operation["requestBody"]["content"]["application/json"]["example"]
        texts = ["1"] * len(binding.template.variables)
        RequestReader(binding).read(texts, "", no_header, json.dumps(example).encode())
        shown += bool(example)
    assert shown >= 10


def test_internal_fields_are_not_shown(document: dict[str, Any]) -> None:
    assert '"hops"' not in json.dumps(document)


def test_sixty_four_bit_integers_are_strings_as_the_codec_writes_them(
    document: dict[str, Any],
) -> None:
    response = document["components"]["schemas"]["ExecuteResponse"]["properties"]
    assert response["sequence"]["type"] == "string"


def test_paths_are_written_in_openapis_notation() -> None:
    assert path_of(parse_template("/v1/{name=a/*}/b/{rest=**}:go")) == "/v1/{name}/b/{rest}:go"


def test_the_comments_are_those_of_the_protos(tmp_path: Path) -> None:
    out = tmp_path / "comments.json"
    script = ROOT / "scripts" / "generate_api_comments.py"
    subprocess.run([sys.executable, str(script), str(out)], check=True, timeout=60)
    committed = ROOT / "gateway" / "api_comments.json"
    assert out.read_text() == committed.read_text(), f"run {script.relative_to(ROOT)}"
