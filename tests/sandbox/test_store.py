"""What a stand-in remembers, while several ask for it at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.store import Store


def test_a_table_is_read_whole_while_somebody_else_takes_from_it(tmp_path: Path) -> None:
    table = Store(tmp_path / "store").table("outbox")
    for number in range(300):
        table[str(number)] = {"number": number}
    with ThreadPoolExecutor(1) as other:
        emptied = other.submit(lambda: [table.pop(str(number)) for number in range(300)])
        while not emptied.done():
            numbers = [document["number"] for document in table.values()]
            assert numbers == sorted(numbers)
            keys = [int(key) for key, _ in table.items()]
            assert keys == sorted(keys)
    assert list(table.values()) == []
