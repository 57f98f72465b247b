import pytest

from clients.cli.output import TableWriter, cell, grouped


def test_a_table_lines_up_and_numbers_stand_right(capfd: pytest.CaptureFixture[str]) -> None:
    table = TableWriter(("leg_id", "legs"))
    table.write([{"leg_id": "a", "legs": 5}, {"leg_id": "long one", "legs": 1_234}])
    table.write([{"leg_id": "b", "legs": 6}])
    table.finish()
    table_text = capfd.readouterr().out
    assert table_text.splitlines() == [
        "leg id     legs",
        "a             5",
        "long one  1,234",
        "b             6",
    ]


@pytest.mark.parametrize(
    ("value", "column", "shown"),
    [(None, "x", "-"), ("", "x", "-"), (True, "x", "yes"), (False, "x", "no"), (0, "legs", "0"),
     (12_345, "legs", "12,345"), (1_593, "flight_number", "1593"), ([], "x", "-"),
     (["a", "b"], "x", "a, b"), ("y", "x", "y")],
)  # fmt: skip
def test_cells_read_well(value: object, column: str, shown: str) -> None:
    assert cell(value, column) == shown


async def test_items_are_grouped_without_loss() -> None:
    async def items() -> object:
        for number in range(7):
            yield number

    groups = [group async for group in grouped(items(), 3)]  # type: ignore[arg-type]
    assert groups == [[0, 1, 2], [3, 4, 5], [6]]
