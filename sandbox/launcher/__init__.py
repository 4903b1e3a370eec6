"""One supervisor for the demo and the tests: PostgreSQL, Valkey, the stand-ins, the connector's processes."""
