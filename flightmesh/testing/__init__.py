"""Kit for tests of Flightmesh and of what is built on it: contract suites, given/when/then."""
