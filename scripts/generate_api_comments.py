"""Generates gateway/api_comments.json: the comments of all .proto files, by full name.

Descriptors at run time have no comments; the gateway's OpenAPI document is made of them.

Usage: python scripts/generate_api_comments.py [OUTPUT_FILE]
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "gateway" / "api_comments.json"

# Kinds of element by the field numbers that google.protobuf.SourceCodeInfo paths are made of
# (google/protobuf/descriptor.proto): (field number in the parent, attribute of the parent).
_CHILDREN: dict[str, dict[int, str]] = {
    "FileDescriptorProto": {4: "message_type", 5: "enum_type", 6: "service"},
    "DescriptorProto": {2: "field", 3: "nested_type", 4: "enum_type", 8: "oneof_decl"},
    "EnumDescriptorProto": {2: "value"},
    "ServiceDescriptorProto": {2: "method"},
}


def descriptor_set() -> FileDescriptorSet:
    """All .proto files, with their comments."""
    protos = sorted(str(p.relative_to(ROOT / "protos")) for p in (ROOT / "protos").rglob("*.proto"))
    shared = distribution("googleapis-common-protos").locate_file("")
    well_known = Path(protoc.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        code = protoc.main(
            ["protoc", f"-I{ROOT / 'protos'}", f"-I{shared}", f"-I{well_known}",
             "--include_source_info", f"--descriptor_set_out={out}", *protos]
        )  # fmt: skip
        if code:
            raise SystemExit(code)
        return FileDescriptorSet.FromString(out.read_bytes())


def comments_of(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Full name and comment of each element of a file that has one."""
    for location in file.source_code_info.location:
        name = _name_at(file, location.path)
        text = " ".join(location.leading_comments.split())
        if name and text:
            yield f"{file.package}.{name}", text


def _name_at(file: FileDescriptorProto, path: Sequence[int]) -> str:
    element: Any = file
    names = []
    for number, index in zip(path[::2], path[1::2], strict=False):
        attribute = _CHILDREN.get(type(element).__name__, {}).get(number)
        if attribute is None:
            return ""
        element = getattr(element, attribute)[index]
        names.append(element.name)
    return ".".join(names) if 2 * len(names) == len(path) else ""


def main() -> int:
    """Writes the file."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    # Other packages are other programs' interfaces, such as etcd's.
    own = [file for file in descriptor_set().file if file.package.startswith("flightmesh.")]
    comments = {name: text for file in own for name, text in comments_of(file)}
    out.write_text(json.dumps(comments, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
