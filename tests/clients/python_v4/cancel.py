"""Backups and restores that are given up."""

from support import *

import time

from weaviate.backup.backup import BackupStatus

ENDED = (BackupStatus.SUCCESS, BackupStatus.FAILED, BackupStatus.CANCELED)


def ended(look, backup_id):
    """The last status, within five seconds."""
    until = time.monotonic() + 5
    while (status := look(backup_id=backup_id, backend=STORAGE)).status not in ENDED:
        assert time.monotonic() < until, status
        time.sleep(0.05)
    return status


with connect() as client:
    articles = create_articles(client)
    before = everything(articles)

    client.backup.create(backup_id="given-up", backend=STORAGE)
    assert client.backup.cancel(backup_id="GIVEN-UP", backend=STORAGE) is True
    status = ended(client.backup.get_create_status, "given-up")
    assert status.status == BackupStatus.CANCELED and status.error, status
    assert [b.status for b in client.backup.list_backups(backend=STORAGE)] == [BackupStatus.CANCELED]
    assert client.backup.cancel(backup_id="given-up", backend=STORAGE) is True
    with refused(422, "given-up"):
        client.backup.restore(backup_id="given-up", backend=STORAGE)
    step("a backup is cancelled, more than once, and cannot be restored")

    assert client.backup.cancel(backup_id="nobody", backend=STORAGE) is True
    with refused(422):
        client.backup.cancel(backup_id="not an id", backend=STORAGE)
    step("cancelling what is unknown is no error; what is no id is")

    client.backup.create(backup_id="kept", backend=STORAGE, wait_for_completion=True)
    client.collections.delete("Article")
    client.backup.restore(backup_id="kept", backend=STORAGE)
    with refused(422, "already in progress"):
        client.backup.restore(backup_id="kept", backend=STORAGE)
    assert client.backup.cancel(backup_id="kept", backend=STORAGE, operation="restore") is True
    status = ended(client.backup.get_restore_status, "kept")
    assert status.status == BackupStatus.CANCELED, status
    assert not client.collections.exists("Article")
    step("a restore is cancelled and brings nothing")

    client.backup.restore(backup_id="kept", backend=STORAGE, wait_for_completion=True)
    assert everything(articles) == before
    with refused(422, "kept"):
        client.backup.cancel(backup_id="kept", backend=STORAGE, operation="restore")
    step("the next one brings everything")
