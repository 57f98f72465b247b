"""The schedule's topology as a graph of airports, rotations and legs.

Every airport, rotation and leg is a vertex. A leg has an edge from its rotation, one from the
airport it departs from, one to the airport it arrives at, and one to the leg that follows it in its
lane. The columns stay the truth: the graph notes what it holds of each slot, and when a question is
asked it takes out and puts in what differs, in one batch each, because for igraph one edge is as
much work as a thousand.
"""

from array import array
from collections.abc import Iterator
from typing import Any, final

import igraph

from read_node.checks import settle
from read_node.lanes import Rotation
from read_node.legs import NO_SLOT
from read_node.schedule_model import ScheduleModel

_Edge = tuple[int, int]


@final
class ScheduleGraph:
    """A graph beside one schedule's model, made when it is first asked for."""

    def __init__(self, model: ScheduleModel) -> None:
        self._model = model
        self._graph: Any = igraph.Graph(directed=True)
        self._version = -1
        self._airport_vertex: list[int] = []
        self._leg_vertex: list[int] = []
        self._rotation_vertex: dict[Rotation, int] = {}
        self._free: list[int] = []
        # What the graph holds of each slot.
        self._rotation: list[Rotation | None] = []
        self._route = array("i")
        self._successor = array("i")

    def graph(self) -> Any:
        """The graph, up to date; do not change it."""
        if self._version != self._model.version:
            settle(self._model)
            self._flush()
            self._version = self._model.version
        return self._graph

    def edges(self) -> set[tuple[str, str]]:
        """All edges by the names of what they join: code of an airport, ids of the others."""
        pairs = self.graph().get_edgelist()
        names = self._names()
        return {(names[source], names[target]) for source, target in pairs}

    def continuity_breaks(self) -> set[tuple[int, int]]:
        """Slots of legs that follow each other though the first arrives elsewhere.

        Told from the graph alone: no airport has an edge from the first leg and one to the second.
        """
        graph = self.graph()
        airports = set(self._airport_vertex)
        slots = {vertex: slot for slot, vertex in enumerate(self._leg_vertex)}
        arrives: dict[int, int] = {}
        departs: dict[int, int] = {}
        follows: list[_Edge] = []
        for source, target in graph.get_edgelist():
            if target in airports:
                arrives[source] = target
            elif source in airports:
                departs[target] = source
            elif source in slots:
                follows.append((source, target))
        return {(slots[a], slots[b]) for a, b in follows if arrives[a] != departs[b]}

    def _flush(self) -> None:
        legs = self._model.legs
        self._add_vertices()
        changed = [
            slot
            for slot, (rotation, route, successor) in enumerate(
                zip(legs.rotation, legs.route, legs.successor, strict=True)
            )
            if rotation is not self._rotation[slot]
            or route != self._route[slot]
            or successor != self._successor[slot]
        ]
        gone = {edge for slot in changed for edge in self._held_edges(slot)}
        for slot in changed:
            self._rotation[slot] = legs.rotation[slot]
            self._route[slot] = legs.route[slot]
            self._successor[slot] = legs.successor[slot]
        self._take_rotations()
        come = {edge for slot in changed for edge in self._held_edges(slot)}
        self._graph.delete_edges(self._graph.get_eids(pairs=list(gone - come)))
        self._graph.add_edges(list(come - gone))
        self._drop_rotations()

    def _held_edges(self, slot: int) -> Iterator[_Edge]:
        """The edges that begin at a leg, or lead to it from its rotation and airport."""
        rotation = self._rotation[slot]
        if rotation is None:
            return
        legs = self._model.legs
        leg, route = self._leg_vertex[slot], self._route[slot]
        yield self._rotation_vertex[rotation], leg
        yield self._airport_vertex[legs.departs_at[route]], leg
        yield leg, self._airport_vertex[legs.arrives_at[route]]
        if self._successor[slot] != NO_SLOT:
            yield leg, self._leg_vertex[self._successor[slot]]

    def _add_vertices(self) -> None:
        """Vertices for new airports and slots; a slot keeps its vertex when its leg leaves."""
        legs = self._model.legs
        first = self._graph.vcount()
        airports = len(legs.airports) - len(self._airport_vertex)
        slots = len(legs.leg_id) - len(self._leg_vertex)
        self._graph.add_vertices(airports + slots)
        self._airport_vertex.extend(range(first, first + airports))
        self._leg_vertex.extend(range(first + airports, first + airports + slots))
        self._rotation.extend([None] * slots)
        self._route.extend([NO_SLOT] * slots)
        self._successor.extend([NO_SLOT] * slots)

    def _take_rotations(self) -> None:
        new = {r for r in self._rotation if r is not None} - self._rotation_vertex.keys()
        missing = len(new) - len(self._free)
        if missing > 0:
            first = self._graph.vcount()
            self._graph.add_vertices(missing)
            self._free.extend(range(first, first + missing))
        for rotation in new:
            self._rotation_vertex[rotation] = self._free.pop()

    def _drop_rotations(self) -> None:
        for rotation in self._rotation_vertex.keys() - set(self._rotation):
            self._free.append(self._rotation_vertex.pop(rotation))

    def _names(self) -> dict[int, str]:
        legs = self._model.legs
        names = dict(zip(self._airport_vertex, legs.airports, strict=True))
        names |= {vertex: rotation.id.hex() for rotation, vertex in self._rotation_vertex.items()}
        for slot, rotation in enumerate(self._rotation):
            if rotation is not None:
                names[self._leg_vertex[slot]] = f"{legs.leg_id[slot]}/{rotation.id.hex()}"
        return names
