"""Generates the Python modules of every .proto file into flightmesh/api.

Usage: python scripts/generate_protos.py [OUTPUT_DIR]; the default output is the repository root.
"""

import sys
from importlib.metadata import distribution
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Runs protoc over all protos and writes the package files that protoc leaves out."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    out.mkdir(parents=True, exist_ok=True)
    protos = sorted(str(p.relative_to(ROOT / "protos")) for p in (ROOT / "protos").rglob("*.proto"))
    common = distribution("googleapis-common-protos").locate_file("")
    well_known = Path(protoc.__file__).parent / "_proto"
    code = protoc.main(
        ["protoc", f"-I{ROOT / 'protos'}", f"-I{common}", f"-I{well_known}", f"--python_out={out}",
         f"--pyi_out={out}", f"--grpc_python_out={out}", *protos]
    )  # fmt: skip
    for directory in sorted({(out / p).parent for p in protos}):
        package = directory
        while package != out / "flightmesh":
            (package / "__init__.py").touch()
            package = package.parent
    # A grpc stub file without methods says nothing; services live in the files named *_service.
    for stub in (out / "flightmesh" / "api").rglob("*_pb2_grpc.py"):
        if not stub.name.endswith("_service_pb2_grpc.py"):
            stub.unlink()
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
