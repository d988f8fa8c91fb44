"""Puts the programs into a wheel: hatchling calls this. See wheel.py, which says where they are and for which platform."""

import os
import pathlib
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Programs(BuildHookInterface[Any]):
    """With CATVAE_WHEEL_PROGRAMS, a folder, its files become the wheel's scripts; CATVAE_WHEEL_TAG is the platform of its name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        folder = os.environ.get("CATVAE_WHEEL_PROGRAMS")
        if not folder or self.target_name != "wheel" or version != "standard":
            return
        files = [f for f in sorted(pathlib.Path(folder).iterdir()) if f.is_file()]
        build_data["shared_scripts"] = {str(f): f.name for f in files}
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ['CATVAE_WHEEL_TAG']}"
