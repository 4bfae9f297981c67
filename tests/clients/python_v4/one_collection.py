"""Backups of one collection, by the collection itself."""

from support import *

import time

from weaviate.backup.backup import BackupConfigCreate, BackupConfigRestore, BackupStatus

with connect() as client:
    articles = create_articles(client)
    create_articles(client, count=3, name="Other")
    before = everything(articles)

    result = articles.backup.create(backup_id="one", backend=STORAGE, wait_for_completion=True)
    assert (result.status, result.path) == (BackupStatus.SUCCESS, f"{HOME}/one"), result
    status = articles.backup.get_create_status(backup_id="one", backend=STORAGE)
    assert status.status == BackupStatus.SUCCESS and status.size > 0, status
    (listed,) = client.backup.list_backups(backend=STORAGE)
    assert listed.collections == ["Article"], listed
    step("a collection backs itself up, and nothing else")

    client.collections.delete("Article")
    result = articles.backup.restore(
        backup_id="one", backend=STORAGE, config=BackupConfigRestore(cpu_percentage=10), wait_for_completion=True
    )
    assert (result.status, result.path) == (BackupStatus.SUCCESS, f"{HOME}/one"), result
    status = articles.backup.get_restore_status(backup_id="one", backend=STORAGE)
    assert status.status == BackupStatus.SUCCESS, status
    assert everything(articles) == before and len(client.collections.use("Other")) == 3
    step("it comes back, and nothing else has changed")

    result = articles.backup.create(
        backup_id="two", backend=STORAGE, config=BackupConfigCreate(cpu_percentage=80, chunk_size=4)
    )
    assert result.status == BackupStatus.STARTED, result
    until = time.monotonic() + 60
    while articles.backup.get_create_status(backup_id="two", backend=STORAGE).status != BackupStatus.SUCCESS:
        assert time.monotonic() < until
        time.sleep(0.1)
    step("its backup is polled")
