"""Pinned versions of the servers and of the load generator, from package registries alone.

Cassandra's jars come by Maven, the others are built by Go. What is there in the right version is
left alone; what is new appears under its final name only when it is whole.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flightmesh.errors import ConfigurationError
from flightmesh.runtime.settings import environment

CASSANDRA: Final = "5.0.6"
ETCD: Final = "3.7.3"
NATS: Final = "2.15.2"
GHZ: Final = "0.93.0"
DEFAULT_FOLDER: Final = Path("build") / "servers"

_BUILD_LIMIT_S: Final = 900
# Cassandra 5 runs on these and no others.
_JAVA_VERSIONS: Final = (11, 17)

_POM: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>flightmesh</groupId>
  <artifactId>cassandra-server</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.cassandra</groupId>
      <artifactId>cassandra-all</artifactId>
      <version>{version}</version>
    </dependency>
  </dependencies>
</project>
"""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where installed servers are.

    Attributes:
        folder: the cache folder.
    """

    folder: Path

    @property
    def cassandra_jars(self) -> Path:
        """Folder of Cassandra's jars."""
        return self.folder / f"cassandra-{CASSANDRA}" / "lib"

    @property
    def etcd(self) -> Path:
        """The etcd server."""
        return self.folder / "bin" / "etcd"

    @property
    def etcdctl(self) -> Path:
        """etcd's command line."""
        return self.folder / "bin" / "etcdctl"

    @property
    def nats(self) -> Path:
        """The NATS server."""
        return self.folder / "bin" / "nats-server"

    @property
    def ghz(self) -> Path:
        """The gRPC load generator."""
        return self.folder / "bin" / "ghz"

    def missing(self, names: Sequence[str]) -> list[str]:
        """Those of the named servers that are not installed in their pinned version."""
        return [name for name in names if not _stamp(self, name).exists()]


VERSIONS: Final = {"cassandra": CASSANDRA, "etcd": ETCD, "nats-server": NATS, "ghz": GHZ}


def _stamp(servers: Servers, name: str) -> Path:
    """Says that a server is there, whole, in that version."""
    return servers.folder / f".{name}-{VERSIONS[name]}"


def java() -> Path:
    """The Java that Cassandra is started with: JAVA_HOME's, else the one on the path.

    Raises:
        ConfigurationError: there is none, or it is of a version that Cassandra does not run on.
    """
    home = environment().get("JAVA_HOME", "")
    found = Path(home) / "bin" / "java" if home else Path(shutil.which("java") or "")
    wanted = " or ".join(map(str, _JAVA_VERSIONS))
    if not found.is_file():
        raise ConfigurationError(f"Java {wanted} is missing: Cassandra {CASSANDRA} needs it")
    told = subprocess.run(  # noqa: S603 - a program of the machine's own
        [found, "-version"], capture_output=True, text=True, check=False, timeout=60
    ).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) not in _JAVA_VERSIONS:
        raise ConfigurationError(
            f"{found} is no Java {wanted}, which Cassandra {CASSANDRA} needs (set JAVA_HOME)"
        )
    return found


def _tool(name: str, of: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ConfigurationError(f"{of} is missing: `{name}` is not on the path")
    return found


def check_tools(names: Sequence[str], missing: Sequence[str] | None = None) -> None:
    """Checks that what the named servers need, to be installed and to run, is there.

    Args:
        names: keys of VERSIONS.
        missing: those of them that are still to be installed; all without it.

    Raises:
        ConfigurationError: names each thing that is missing, all at once.
    """
    missing = names if missing is None else missing
    checks: list[Callable[[], object]] = []
    if "cassandra" in names:
        checks.append(java)
    if "cassandra" in missing:
        checks.append(lambda: _tool("mvn", "Maven (Cassandra's jars come by it)"))
    if set(missing) - {"cassandra"}:
        checks.append(lambda: _tool("go", "Go (etcd, nats-server and ghz are built by it)"))
    problems = []
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            problems.append(error.message)
    if problems:
        raise ConfigurationError("; ".join(problems))


def install(
    servers: Servers, names: Sequence[str], say: Callable[[str], None] = lambda _: None
) -> None:
    """Installs those of the named servers that are missing.

    Args:
        servers: where to.
        names: keys of VERSIONS.
        say: told what is being done.

    Raises:
        ConfigurationError: a tool is missing, or a registry did not give what was asked for.
    """
    missing = servers.missing(names)
    check_tools(names, missing)
    servers.folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name not in missing:
            say(f"{name} {VERSIONS[name]} is there")
            continue
        say(f"{name} {VERSIONS[name]} is being installed")
        with tempfile.TemporaryDirectory(dir=servers.folder) as work:
            _INSTALLERS[name](servers, Path(work))
        _stamp(servers, name).touch()


def _install_cassandra(servers: Servers, work: Path) -> None:
    (work / "pom.xml").write_text(_POM.format(version=CASSANDRA))
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib"]
    _run([_tool("mvn", "Maven"), "--batch-mode", "--quiet", *goal], work)
    target = servers.cassandra_jars
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    (work / "lib").replace(target)


def _install_etcd(servers: Servers, work: Path) -> None:
    # etcd's module replaces some of its requirements, which `go install` refuses; as requirements
    # of an empty module they can be built.
    go = _tool("go", "Go")
    server, control = "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/etcdctl/v3"
    _run([go, "mod", "init", "flightmesh/servers"], work)
    _run([go, "get", "-tool", f"{server}@v{ETCD}", f"{control}@v{ETCD}"], work)
    _run([go, "build", "-o", "etcd", server], work)
    _run([go, "build", "-o", "etcdctl", control], work)
    _keep(servers, work / "etcd", work / "etcdctl")


def _install_by_go(package: str, version: str) -> Callable[[Servers, Path], None]:
    def build(servers: Servers, work: Path) -> None:
        _run([_tool("go", "Go"), "install", f"{package}@v{version}"], work, {"GOBIN": str(work)})
        _keep(servers, work / Path(package.removesuffix("/v2")).name)

    return build


_INSTALLERS: Final[dict[str, Callable[[Servers, Path], None]]] = {
    "cassandra": _install_cassandra,
    "etcd": _install_etcd,
    "nats-server": _install_by_go("github.com/nats-io/nats-server/v2", NATS),
    "ghz": _install_by_go("github.com/bojand/ghz/cmd/ghz", GHZ),
}


def _keep(servers: Servers, *programs: Path) -> None:
    """Moves programs to their place; one that runs from there goes on with its old file."""
    (servers.folder / "bin").mkdir(exist_ok=True)
    for program in programs:
        program.replace(servers.folder / "bin" / program.name)


def _run(arguments: Sequence[str], folder: Path, extra: dict[str, str] | None = None) -> None:
    env = {**environment(), **(extra or {})}
    done = subprocess.run(  # noqa: S603 - commands of this module
        arguments, cwd=folder, env=env, capture_output=True, text=True, check=False,
        timeout=_BUILD_LIMIT_S,
    )  # fmt: skip
    if done.returncode != 0:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise ConfigurationError(f"`{' '.join(map(str, arguments))}` failed:\n{last}")
