"""Back up, look, lose, restore and compare: as the documentation shows it."""

from support import *

import time

from weaviate.backup.backup import BackupStatus

with connect() as client:
    assert client.is_ready() and client.is_live()
    articles = create_articles(client)
    authors = client.collections.create("Author", properties=[Property(name="name", data_type=DataType.TEXT)])
    authors.data.insert_many([{"name": f"Author {number}"} for number in range(10)])
    before = {name: everything(client.collections.use(name)) for name in ("Article", "Author")}
    config = {name: client.collections.use(name).config.get() for name in before}
    assert before["Article"][identity(3)][0] == article(3), before["Article"][identity(3)]
    assert before["Article"][identity(3)][1] == {"default": vector(3)}
    step("two collections are filled")

    result = client.backup.create(backup_id="Tour-All", backend=STORAGE, wait_for_completion=True)
    assert result.status == BackupStatus.SUCCESS, result
    assert sorted(result.collections) == ["Article", "Author"], result
    assert (result.backup_id, result.path, result.error) == ("tour-all", f"{HOME}/tour-all", None), result
    step("a backup of everything is waited for")

    result = client.backup.create(backup_id="tour-articles", backend=BACKEND, include_collections="article")
    assert (result.status, result.collections) == (BackupStatus.STARTED, ["Article"]), result
    status = client.backup.get_create_status(backup_id="tour-articles", backend=STORAGE)
    assert status.path == f"{HOME}/tour-articles", status
    until = time.monotonic() + 60
    while status.status != BackupStatus.SUCCESS:
        assert status.status not in (BackupStatus.FAILED, BackupStatus.CANCELED), status
        assert time.monotonic() < until, status
        time.sleep(0.1)
        status = client.backup.get_create_status(backup_id="tour-articles", backend=STORAGE)
    assert status.size > 0 and status.error is None, status
    step("a backup of one collection is polled until it has succeeded")

    result = client.backup.create(
        backup_id="tour-authors", backend=STORAGE, exclude_collections=["Article"], wait_for_completion=True
    )
    assert result.collections == ["Author"], result
    step("a backup leaves a collection out")

    listed = client.backup.list_backups(backend=STORAGE)
    assert [b.backup_id for b in listed] == ["tour-authors", "tour-articles", "tour-all"], listed
    for backup in listed:
        assert backup.status == BackupStatus.SUCCESS and backup.size > 0, backup
        assert backup.started_at <= backup.completed_at <= datetime.now(timezone.utc), backup
    assert sorted(listed[2].collections) == ["Article", "Author"], listed
    rising = client.backup.list_backups(backend=STORAGE, sort_by_starting_time_asc=True)
    assert rising == listed[::-1], rising
    step("backups are listed, the newest or the oldest first")

    client.collections.delete("Article")
    assert not client.collections.exists("Article")
    result = client.backup.restore(
        backup_id="tour-all", backend=STORAGE, include_collections=["Article"], wait_for_completion=True
    )
    assert (result.status, result.collections) == (BackupStatus.SUCCESS, ["Article"]), result
    assert result.path == f"{HOME}/tour-all", result
    assert everything(client.collections.use("Article")) == before["Article"]
    assert client.collections.use("Article").config.get() == config["Article"]
    step("one collection of a backup is restored with every object")

    client.collections.delete_all()
    assert client.collections.list_all() == {}
    result = client.backup.restore(backup_id="TOUR-ALL", backend=STORAGE, exclude_collections="Author")
    assert (result.status, result.collections) == (BackupStatus.STARTED, ["Article"]), result
    status = client.backup.get_restore_status(backup_id="tour-all", backend=STORAGE)
    until = time.monotonic() + 60
    while status.status != BackupStatus.SUCCESS:
        assert status.status not in (BackupStatus.FAILED, BackupStatus.CANCELED), status
        assert time.monotonic() < until, status
        time.sleep(0.1)
        status = client.backup.get_restore_status(backup_id="tour-all", backend=STORAGE)
    assert status.path == f"{HOME}/tour-all", status
    assert list(client.collections.list_all()) == ["Article"]
    step("a restore is polled until it has succeeded")

    client.backup.restore(backup_id="tour-authors", backend=STORAGE, wait_for_completion=True)
    for name, objects in before.items():
        assert everything(client.collections.use(name)) == objects, name
        assert client.collections.use(name).config.get() == config[name], name
    step("everything is as it was")

    restored = client.collections.use("Article")
    restored.data.update(uuid=identity(1), properties={"title": "Sand"})
    new = restored.data.insert(properties=article(99), vector=vector(99))
    assert restored.data.delete_by_id(identity(2))
    assert restored.query.fetch_object_by_id(identity(1)).properties["title"] == "Sand"
    assert restored.query.fetch_object_by_id(new).properties == article(99)
    assert restored.query.fetch_object_by_id(identity(2)) is None
    assert restored.aggregate.over_all(total_count=True).total_count == 25
    step("what was restored takes changes")
