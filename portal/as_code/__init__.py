"""The configuration of an organization as a YAML file (docs/as-code.md)."""

from portal.as_code.file import File, Wrong, read
from portal.as_code.steps import Step, apply, export, plan

__all__ = ["File", "Step", "Wrong", "apply", "export", "plan", "read"]
