"""References between collections, aliases of them, and vectors with names."""

from support import *

from weaviate.classes.config import ReferenceProperty
from weaviate.classes.query import QueryReference

WAIT = {"backend": STORAGE, "wait_for_completion": True}
BY = QueryReference(link_on="writtenBy", return_properties=["name"])
ABOUT = QueryReference(link_on="cites", return_properties=["title"])


def linked(collection):
    """By title, the names of the authors and the titles that are cited."""
    objects = collection.query.fetch_objects(limit=100, return_references=[BY, ABOUT]).objects
    return {
        o.properties["title"]: tuple(
            tuple(r.properties[name] for r in o.references[link].objects) if link in o.references else ()
            for link, name in (("writtenBy", "name"), ("cites", "title"))
        )
        for o in objects
    }


with connect() as client:
    authors = client.collections.create("Author", properties=[Property(name="name", data_type=DataType.TEXT)])
    ann = authors.data.insert({"name": "Ann"})
    bob = authors.data.insert({"name": "Bob"})
    books = client.collections.create(
        "Book",
        properties=[Property(name="title", data_type=DataType.TEXT)],
        references=[ReferenceProperty(name="writtenBy", target_collection="Author")],
        vector_config=[Configure.Vectors.self_provided(name="title"), Configure.Vectors.self_provided(name="body")],
    )
    books.config.add_reference(ReferenceProperty(name="cites", target_collection="Book"))
    first = books.data.insert(
        {"title": "First"}, references={"writtenBy": ann}, vector={"title": [1.0, 0.5], "body": [0.25, 0.5, 1.0]}
    )
    second = books.data.insert({"title": "Second"}, references={"writtenBy": [ann, bob], "cites": first})
    books.data.reference_add(from_uuid=first, from_property="cites", to=second)
    expected = {"First": (("Ann",), ("Second",)), "Second": (("Ann", "Bob"), ("First",))}
    assert linked(books) == expected, linked(books)
    before = {name: everything(client.collections.use(name)) for name in ("Author", "Book")}
    assert before["Book"][first][1] == {"title": [1.0, 0.5], "body": [0.25, 0.5, 1.0]}, before["Book"][first]
    step("books with authors, citations and named vectors")

    client.backup.create(backup_id="library", **WAIT)
    client.collections.delete_all()
    client.backup.restore(backup_id="library", **WAIT)
    assert {name: everything(client.collections.use(name)) for name in before} == before
    assert linked(books) == expected
    books.data.reference_delete(from_uuid=second, from_property="writtenBy", to=bob)
    books.data.reference_replace(from_uuid=first, from_property="writtenBy", to=bob)
    assert linked(books) == {"First": (("Bob",), ("Second",)), "Second": (("Ann",), ("First",))}
    step("they come back, and references can be changed")

    client.alias.create(alias_name="Shelf", target_collection="Book")
    assert client.alias.exists(alias_name="Shelf")
    assert len(client.collections.use("Shelf")) == 2
    before = everything(books)
    client.backup.create(backup_id="shelf", include_collections=["Book"], **WAIT)
    client.alias.delete(alias_name="Shelf")
    client.collections.delete("Book")
    assert client.alias.get(alias_name="Shelf") is None
    client.backup.restore(backup_id="shelf", **WAIT)
    assert client.alias.get(alias_name="Shelf").collection == "Book"
    assert everything(client.collections.use("Shelf")) == before
    step("an alias comes back with its collection")

    for overwrite, target in ((False, "Author"), (True, "Book")):
        assert client.alias.update(alias_name="Shelf", new_target_collection="Author")
        assert client.alias.list_all(collection="Author")["Shelf"].collection == "Author"
        client.collections.delete("Book")
        client.backup.restore(backup_id="shelf", overwrite_alias=overwrite, **WAIT)
        assert client.alias.get(alias_name="Shelf").collection == target, target
        assert everything(books) == before
    step("an alias that points elsewhere by now is overwritten only if that was asked for")
