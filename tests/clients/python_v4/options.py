"""What a backup can be told: how to compress, how much to use, where to go, what to build on."""

from support import *

from weaviate.backup.backup import BackupCompressionLevel, BackupConfigCreate, BackupConfigRestore, BackupStatus
from weaviate.classes.backup import BackupLocation

WAIT = {"backend": STORAGE, "wait_for_completion": True}


def elsewhere():
    """Another place than the one that the server is configured with."""
    path = os.environ["ELSEWHERE_PATH"]
    if BACKEND == "s3":
        return BackupLocation.S3(path=path, bucket=os.environ["ELSEWHERE_BUCKET"])
    return BackupLocation.FileSystem(path=path)


with connect() as client:
    articles = create_articles(client)
    before = everything(articles)

    for level in BackupCompressionLevel:
        name = f"level-{level.name.lower()}"
        config = BackupConfigCreate(cpu_percentage=40, chunk_size=8, compression_level=level)
        assert client.backup.create(backup_id=name, config=config, **WAIT).status == BackupStatus.SUCCESS
        client.collections.delete("Article")
        config = BackupConfigRestore(cpu_percentage=70)
        assert client.backup.restore(backup_id=name, config=config, **WAIT).status == BackupStatus.SUCCESS
        assert everything(articles) == before
        step(f"a backup with {level.value} is restored")

    place = elsewhere()
    result = client.backup.create(backup_id="away", backup_location=place, **WAIT)
    assert result.path == f"{os.environ['ELSEWHERE_HOME']}/away", result
    status = client.backup.get_create_status(backup_id="away", backend=STORAGE, backup_location=place)
    assert (status.status, status.path) == (BackupStatus.SUCCESS, result.path), status
    with refused(404, "away"):
        client.backup.get_create_status(backup_id="away", backend=STORAGE)
    assert "away" not in [b.backup_id for b in client.backup.list_backups(backend=STORAGE)]
    with refused(422, "away"):
        client.backup.cancel(backup_id="away", backend=STORAGE, backup_location=place)
    client.collections.delete("Article")
    with refused(404, "away"):
        client.backup.restore(backup_id="away", **WAIT)
    result = client.backup.restore(backup_id="away", backup_location=place, **WAIT)
    assert result.path == f"{os.environ['ELSEWHERE_HOME']}/away", result
    status = client.backup.get_restore_status(backup_id="away", backend=STORAGE, backup_location=place)
    assert status.status == BackupStatus.SUCCESS, status
    assert everything(articles) == before
    step("a backup goes to another place and comes back from there")

    client.backup.create(backup_id="base", **WAIT)
    articles.data.insert(properties=article(100), vector=vector(100), uuid=identity(100))
    articles.data.delete_by_id(identity(0))
    later = everything(articles)
    result = client.backup.create(backup_id="grown", incremental_base_backup_id="BASE", **WAIT)
    assert result.status == BackupStatus.SUCCESS, result
    client.backup.create(backup_id="grown-again", incremental_base_backup_id="grown", **WAIT)
    bases = {b.backup_id: b.incremental_base_backup_id for b in client.backup.list_backups(backend=STORAGE)}
    assert (bases["base"], bases["grown"], bases["grown-again"]) == (None, "base", "grown"), bases
    for name, expected in (("grown-again", later), ("base", before), ("grown", later)):
        client.collections.delete("Article")
        client.backup.restore(backup_id=name, **WAIT)
        assert everything(articles) == expected, name
    with refused(422, "nowhere"):
        client.backup.create(backup_id="lost", incremental_base_backup_id="nowhere", **WAIT)
    step("backups build on one another, and each is restored to what it was")
