"""Lets failed assertions inside the shipped contract suites show their values."""

import pytest

pytest.register_assert_rewrite("flightmesh.testing")
