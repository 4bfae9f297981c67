"""What is refused, with the status and the words that callers look for."""

from support import *

import time

from weaviate.backup.backup import BackupConfigCreate, BackupConfigRestore, BackupStatus
from weaviate.exceptions import BackupFailedException

WAIT = {"backend": STORAGE, "wait_for_completion": True}
UNKNOWN = BackupStorage.AZURE

with connect() as client:
    with refused(422):
        client.backup.create(backup_id="nothing", **WAIT)
    step("there is nothing to back up yet")
    articles = create_articles(client)
    before = everything(articles)

    for call in (client.backup.create, client.backup.restore, client.backup.get_create_status, client.backup.cancel):
        with refused(422, "azure"):
            call(backup_id="x", backend=UNKNOWN)
    with refused(422, "azure"):
        client.backup.list_backups(backend=UNKNOWN)
    step("a backend that is not enabled is named")

    with refused(422, "Missing"):
        client.backup.create(backup_id="x", include_collections=["Article", "missing"], **WAIT)
    with refused(422):
        client.backup.create(backup_id="x", exclude_collections=["Article"], **WAIT)
    with refused(422):
        client.backup.create(backup_id="not an id", **WAIT)
    for call in (client.backup.create, client.backup.restore):
        try:
            call(backup_id="x", include_collections="Article", exclude_collections="Other", **WAIT)
        except TypeError as error:
            assert "include_classes" in str(error), error
        else:
            raise AssertionError("both lists were taken")
    step("a selection must be possible")

    for percentage in (81, -1):
        with refused(422, "CPUPercentage"):
            client.backup.create(backup_id="x", config=BackupConfigCreate(cpu_percentage=percentage), **WAIT)
        with refused(422, "CPUPercentage"):
            client.backup.restore(backup_id="x", config=BackupConfigRestore(cpu_percentage=percentage), **WAIT)
    step("a share of processors must be from 1 to 80")

    for call in (client.backup.get_create_status, client.backup.get_restore_status, client.backup.restore):
        with refused(404, "nobody"):
            call(backup_id="nobody", backend=STORAGE)
    assert client.backup.list_backups(backend=STORAGE) == []
    step("none of this has left a backup behind, and unknown ids are not found")

    client.backup.create(backup_id="taken", backend=STORAGE)
    with refused(422, "already in progress"):
        client.backup.create(backup_id="second", backend=STORAGE)
    with refused(422, "taken"):
        client.backup.create(backup_id="TAKEN", backend=STORAGE)
    until = time.monotonic() + 60
    while client.backup.get_create_status(backup_id="taken", backend=STORAGE).status != BackupStatus.SUCCESS:
        assert time.monotonic() < until
        time.sleep(0.1)
    with refused(422, "taken"):
        client.backup.create(backup_id="taken", **WAIT)
    with refused(404, "taken"):
        client.backup.get_restore_status(backup_id="taken", backend=STORAGE)
    with refused(422, "taken"):
        client.backup.cancel(backup_id="taken", backend=STORAGE)
    step("an id is taken once, one backup runs at a time, and what has ended cannot be cancelled")

    with refused(422, "Missing"):
        client.backup.restore(backup_id="taken", include_collections="Missing", **WAIT)
    try:
        client.backup.restore(backup_id="taken", **WAIT)
    except BackupFailedException as error:
        assert "already exists" in str(error) and "Article" in str(error), error
    else:
        raise AssertionError("a collection was restored over itself")
    status = client.backup.get_restore_status(backup_id="taken", backend=STORAGE)
    assert status.status == BackupStatus.FAILED and "already exists" in status.error, status
    assert everything(articles) == before
    step("a restore over a collection fails and changes nothing")
