"""What is kept, column by column: data beside the models, from which docs/data-map.md is written, and by which tests
hold that nothing else is kept anywhere."""

from connector.data_map.browsers import BROWSERS, Kept
from connector.data_map.elsewhere import BEYOND, PLACES, Place
from connector.data_map.libraries import TABLES as LIBRARIES
from connector.data_map.own import TABLES as OWN
from connector.data_map.shapes import Class, Holds, Table

TABLES = (*OWN, *LIBRARIES)  # those of visits are beside its models, as are its cookies: visits.data_map

__all__ = ["BEYOND", "BROWSERS", "PLACES", "TABLES", "Class", "Holds", "Kept", "Place", "Table"]
