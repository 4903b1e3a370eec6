"""One supervisor for the demo and the tests: PostgreSQL, Valkey, the four stand-ins, the connector's processes."""
