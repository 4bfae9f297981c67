"""Ordinary use of the database around backups: imports of every kind, changes, pages, and what the server says of itself."""

from support import *

from weaviate.classes.config import ReferenceProperty
from weaviate.classes.data import DataObject, DataReference
from weaviate.classes.query import Filter
from weaviate.exceptions import WeaviateInsertManyAllFailedError, WeaviateQueryError

WAIT = {"backend": STORAGE, "wait_for_completion": True}


def counted(client):
    """Objects in each shard, as the node tells."""
    (node,) = client.cluster.nodes(output="verbose")
    assert node.status == "HEALTHY" and node.name, node
    assert sum(shard.object_count for shard in node.shards) == node.stats.object_count, node
    return {shard.collection: shard.object_count for shard in node.shards}


with connect() as client:
    meta = client.get_meta()
    assert f"backup-{BACKEND}" in meta["modules"], meta
    assert client.collections.list_all() == {} and not client.collections.exists("Article")
    articles = create_articles(client, count=0)
    with articles.batch.dynamic() as batch:
        for number in range(30):
            batch.add_object(properties=article(number), vector=vector(number), uuid=identity(number))
    assert not articles.batch.failed_objects, articles.batch.failed_objects
    with client.batch.fixed_size(batch_size=7) as batch:
        for number in range(30, 60):
            batch.add_object("Article", article(number), uuid=identity(number), vector=vector(number))
    assert not client.batch.failed_objects, client.batch.failed_objects
    with client.batch.stream() as batch:
        for number in range(60, 90):
            batch.add_object("Article", article(number), uuid=identity(number), vector=vector(number))
    assert not client.batch.failed_objects, client.batch.failed_objects
    result = articles.data.insert_many(
        [DataObject(properties=article(n), vector=vector(n), uuid=identity(n)) for n in range(90, 100)]
    )
    assert not result.has_errors and len(result.uuids) == 10, result
    assert len(articles) == 100 and counted(client) == {"Article": 100}
    assert everything(articles)[identity(61)][:2] == (article(61), {"default": vector(61)})
    step("objects are imported in batches, in a stream and all at once")

    articles.config.add_property(Property(name="subtitle", data_type=DataType.TEXT))
    articles.config.add_reference(ReferenceProperty(name="follows", target_collection="Article"))
    articles.config.update(description="Layers of rock")
    config = articles.config.get()
    assert config.description == "Layers of rock" and config.references[0].name == "follows", config
    assert "subtitle" in [p.name for p in config.properties], config
    assert config == articles.config.get() and client.collections.list_all(simple=False) == {"Article": config}
    with articles.batch.fixed_size(batch_size=5) as batch:
        for number in range(1, 20):
            batch.add_reference(from_uuid=identity(number), from_property="follows", to=identity(number - 1))
    assert not articles.batch.failed_references, articles.batch.failed_references
    more = [DataReference(from_property="follows", from_uuid=identity(n), to_uuid=identity(n - 1)) for n in range(20, 30)]
    assert not articles.data.reference_add_many(more).has_errors
    step("the definition grows while objects are there")

    articles.data.replace(uuid=identity(1), properties={"title": "Alone"}, vector=vector(7))
    articles.data.update(uuid=identity(2), properties={"subtitle": "Second"}, vector=vector(8))
    assert articles.data.exists(identity(2)) and not articles.data.exists(identity(777))
    assert articles.data.delete_by_id(identity(3)) and not articles.data.delete_by_id(identity(777))
    gone = articles.data.delete_many(where=Filter.by_id().contains_any([identity(4), identity(5), identity(777)]))
    assert (gone.matches, gone.successful, gone.failed) == (2, 2, 0), gone
    replaced = articles.query.fetch_object_by_id(identity(1), include_vector=True)
    assert replaced.vector == {"default": vector(7)} and replaced.properties["title"] == "Alone", replaced
    assert replaced.properties["words"] is None, replaced
    merged = articles.query.fetch_object_by_id(identity(2), return_properties=["title", "subtitle"])
    assert merged.properties == {"title": article(2)["title"], "subtitle": "Second"}, merged
    with refused(422):
        articles.data.insert(properties=article(2), uuid=identity(2))
    with refused(404):
        articles.data.update(uuid=identity(777), properties={"title": "Nobody"})
    step("objects are replaced, changed and deleted")

    pages = [articles.query.fetch_objects(limit=40, offset=at).objects for at in (0, 40, 80)]
    assert [len(page) for page in pages] == [40, 40, 17]
    after = articles.query.fetch_objects(limit=40, after=pages[0][-1].uuid).objects
    assert [o.uuid for o in after] == [o.uuid for o in pages[1]]
    found = articles.query.fetch_objects(filters=Filter.by_id().equal(identity(9))).objects
    assert [o.uuid for o in found] == [identity(9)], found
    missing = client.collections.use("Missing")
    for call in (lambda: articles.query.bm25("rock"), lambda: list(missing.iterator())):
        try:
            call()
        except WeaviateQueryError as error:
            assert len(str(error)) > 40, error
        else:
            raise AssertionError("it was answered")
    try:
        missing.data.insert_many([{"title": "x"}])
    except WeaviateInsertManyAllFailedError as error:
        assert "Missing" in str(error), error
    else:
        raise AssertionError("objects of no collection were taken")
    step("pages follow one another, and what cannot be done is said")

    before = everything(articles)
    assert len(before) == 97
    client.backup.create(backup_id="ordinary", include_collections=["Art*"], **WAIT)
    client.collections.delete("Article")
    assert counted(client) == {}
    client.backup.restore(backup_id="ordinary", include_collections=["Art*"], **WAIT)
    assert everything(articles) == before and counted(client) == {"Article": 97}
    assert articles.config.get() == client.collections.list_all(simple=False)["Article"] == config
    step("all of it comes back")
