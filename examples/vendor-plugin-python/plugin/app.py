"""The functions of the interface `store` that need no open location. The build begins here."""

from typing import override

from wit_world import exports
from wit_world.imports.siltstone_storage_types import Info, Location, Needs

import config

# Loaded while the plugin is built, so that no instance has to do it.
import store  # noqa: F401  # pylint: disable=unused-import


class Store(exports.Store):
    """What the host asks before it opens a location."""

    @override
    def describe(self) -> Info:
        return config.describe()

    @override
    def needs(self, settings: list[tuple[str, str]], location: Location) -> Needs:
        return config.needs(config.folder(settings, location))
