"""What the scenarios share: how they connect, what they store, how they read it all back and what they say."""

import contextlib
import os
import sys
import uuid
import warnings
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

with warnings.catch_warnings(record=True) as on_import:
    # The client loads Authlib, which warns of the HTTP client that both use. It is their affair; nothing else may be said.
    import weaviate
assert all("The httpx module is deprecated" in str(w.message) for w in on_import), on_import
# The client asks the package index for its newest release and reports that it is not that one. It is pinned here.
warnings.filterwarnings("ignore", message="Dep005: You are using weaviate-client version", category=DeprecationWarning)

from weaviate.classes.backup import BackupStorage
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.query import MetadataQuery
from weaviate.exceptions import UnexpectedStatusCodeError

REST, GRPC, BACKEND = sys.argv[1:4]
STORAGE = BackupStorage(BACKEND)
#: Where the server says that its backups go, without the id.
HOME = os.environ["BACKUP_HOME"]


def address():
    """The address of the server as the `connect_to_…` functions take it."""
    rest, grpc = urlsplit(REST), urlsplit("//" + GRPC)
    return {"host": rest.hostname, "port": rest.port, "grpc_port": grpc.port}


def connect(**options):
    """A client that is connected, with all checks that it makes at the start."""
    return weaviate.connect_to_local(**address(), **options)


def step(text):
    """Says what has been shown."""
    print(f"ok: {text}", flush=True)


@contextlib.contextmanager
def refused(status, *texts):
    """Expects that the server refuses what follows with this status, in a text that contains all of these."""
    try:
        yield
    except UnexpectedStatusCodeError as error:
        assert error.status_code == status, error
        for text in texts:
            assert text in str(error), f"{text!r} is not in: {error}"
    else:
        raise AssertionError(f"it was not refused with {status} {texts}")


ARTICLE = [
    Property(name="title", data_type=DataType.TEXT),
    Property(name="words", data_type=DataType.INT),
    Property(name="score", data_type=DataType.NUMBER),
    Property(name="draft", data_type=DataType.BOOL),
    Property(name="published", data_type=DataType.DATE),
    Property(name="origin", data_type=DataType.UUID),
    Property(name="tags", data_type=DataType.TEXT_ARRAY),
    Property(name="ratings", data_type=DataType.NUMBER_ARRAY),
    Property(
        name="source",
        data_type=DataType.OBJECT,
        nested_properties=[
            Property(name="name", data_type=DataType.TEXT),
            Property(name="year", data_type=DataType.INT),
        ],
    ),
]


def article(number):
    """The properties of an article, each different from the next."""
    return {
        "title": f"Layer {number} \u2013 \u5730\u5c64",
        "words": number * 1000,
        "score": number + 0.25,
        "draft": number % 2 == 0,
        "published": datetime(2024, 2, 29, 12, 30, tzinfo=timezone.utc) + timedelta(days=number),
        "origin": uuid.UUID(int=number + 1),
        "tags": ["rock", f"tag {number}"],
        "ratings": [0.5, number / 8],
        "source": {"name": f"quarry {number}", "year": 1900 + number},
    }


def vector(number):
    """A vector of numbers that 32 bits hold exactly."""
    return [number / 4, -1.0, 0.125]


def identity(number):
    """The id of an object."""
    return uuid.UUID(int=0xA000 + number)


def create_articles(client, count=25, name="Article"):
    """A collection with articles in it."""
    articles = client.collections.create(name, properties=ARTICLE, vector_config=Configure.Vectors.self_provided())
    with articles.batch.fixed_size(batch_size=10) as batch:
        for number in range(count):
            batch.add_object(properties=article(number), vector=vector(number), uuid=identity(number))
    assert not articles.batch.failed_objects, articles.batch.failed_objects
    assert len(articles) == count
    return articles


def everything(collection):
    """All objects of a collection: properties, vectors and times by id."""
    times = MetadataQuery(creation_time=True, last_update_time=True)
    objects = {
        o.uuid: (o.properties, o.vector, o.metadata.creation_time, o.metadata.last_update_time)
        for o in collection.iterator(include_vector=True, return_metadata=times)
    }
    assert len(objects) == len(collection), f"{len(objects)} read, {len(collection)} counted"
    return objects
