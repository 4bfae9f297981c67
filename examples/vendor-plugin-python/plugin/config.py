"""The one setting of this transport, and what follows from it."""

from wit_world.imports.siltstone_storage_types import (
    ErrorKind,
    FolderAccess,
    FolderNeed,
    Info,
    Location,
    Needs,
    Setting,
    SettingKind,
)

from failures import failure

NAME = "folder"
VERSION = "0.1.0"
PATH = "FOLDER_PATH"

# The contract's bound on what `home` answers, in bytes.
MAX_HOME = 2048


def describe() -> Info:
    """What this plugin is."""
    doc = "Absolute path of the folder that holds the backups."
    return Info(NAME, VERSION, [Setting(PATH, SettingKind.FOLDER, True, None, doc)])


def folder(settings: list[tuple[str, str]], location: Location) -> str:
    """The folder of the location, or else of the setting. A bucket means nothing here."""
    if location.path is not None:
        name, given = "the path of the location", location.path
    else:
        name, given = PATH, dict(settings).get(PATH, "")
    names = given.split("/")
    if not given.startswith("/") or "\0" in given or "." in names or ".." in names:
        raise failure(ErrorKind.INVALID_CONFIG, f"{name} must be an absolute path without `..`, not {given!r}")
    if len(given.encode()) > MAX_HOME:
        raise failure(ErrorKind.INVALID_CONFIG, f"{name} must be at most {MAX_HOME} bytes long")
    return given.rstrip("/") or "/"


def needs(path: str) -> Needs:
    """Exactly that folder, to be written to."""
    return Needs([], [], [FolderNeed(path, FolderAccess.WRITE, "holds the backups")])
