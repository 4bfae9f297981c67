"""The same with the client for asyncio."""

from support import *

import asyncio

from weaviate.backup.backup import BackupConfigCreate, BackupStatus
from weaviate.exceptions import BackupCanceledError, BackupFailedException

WAIT = {"backend": STORAGE, "wait_for_completion": True}


async def read(collection):
    """All objects of a collection."""
    objects = {o.uuid: (o.properties, o.vector) async for o in collection.iterator(include_vector=True)}
    assert len(objects) == await collection.length()
    return objects


async def main():
    async with weaviate.use_async_with_local(**address()) as client:
        assert await client.is_ready()
        articles = await client.collections.create("Article", properties=ARTICLE)
        new = [
            weaviate.classes.data.DataObject(properties=article(n), vector=vector(n), uuid=identity(n))
            for n in range(30)
        ]
        assert not (await articles.data.insert_many(new)).has_errors
        before = await read(articles)
        assert before[identity(7)] == (article(7), {"default": vector(7)}), before[identity(7)]
        step("a collection is filled")

        result = await client.backup.create(
            backup_id="async", include_collections=["Article"], config=BackupConfigCreate(cpu_percentage=20), **WAIT
        )
        assert (result.status, result.path) == (BackupStatus.SUCCESS, f"{HOME}/async"), result
        status = await client.backup.get_create_status(backup_id="async", backend=STORAGE)
        assert status.status == BackupStatus.SUCCESS and status.size > 0, status
        (listed,) = await client.backup.list_backups(backend=STORAGE)
        assert (listed.backup_id, listed.collections) == ("async", ["Article"]), listed
        step("it is backed up and listed")

        try:
            await client.backup.restore(backup_id="async", **WAIT)
        except BackupFailedException as error:
            assert "already exists" in str(error), error
        else:
            raise AssertionError("a collection was restored over itself")
        await client.collections.delete("Article")
        result = await articles.backup.restore(backup_id="async", **WAIT)
        assert result.status == BackupStatus.SUCCESS, result
        status = await client.backup.get_restore_status(backup_id="async", backend=STORAGE)
        assert status.status == BackupStatus.SUCCESS, status
        assert await read(articles) == before
        step("it is restored with every object")

        waiting = asyncio.create_task(client.backup.create(backup_id="given-up", **WAIT))
        while True:
            try:
                await client.backup.get_create_status(backup_id="given-up", backend=STORAGE)
                break
            except UnexpectedStatusCodeError:
                await asyncio.sleep(0.01)
        assert await client.backup.cancel(backup_id="given-up", backend=STORAGE) is True
        try:
            await waiting
        except BackupCanceledError as error:
            assert "given-up" in str(error), error
        else:
            raise AssertionError("a backup that was cancelled has succeeded")
        step("who waits for a backup is told that it was cancelled")


asyncio.run(main())
