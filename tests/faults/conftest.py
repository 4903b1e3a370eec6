"""One house of its own for all faults of a run: PostgreSQL and Valkey are broken in it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults import ward as wards
from tests.faults.drive import Visit, admitted
from tests.faults.ward import Ward

VISITS = 6  # two of each connection; `make faults` drives thirty and more


@pytest.fixture(scope="module")
def ward() -> Iterator[Ward]:
    """The house with its three connections. PostgreSQL's own account must reach its folder, as root."""
    with TemporaryDirectory(prefix="ehr-connector-ward-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        with wards.opened(Path(folder) / "house") as opened:
            yield opened


@pytest.fixture(scope="module")
def visits(ward: Ward) -> list[Visit]:
    """Visits in which everybody stands before Teams; whoever comes under a fault joins them."""
    return admitted(ward, VISITS)
