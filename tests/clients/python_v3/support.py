"""What the scenarios share: how they connect, what they store, how they read it all back and what they say."""

import contextlib
import os
import sys

import weaviate
from weaviate import UnexpectedStatusCodeException

REST, _GRPC, BACKEND = sys.argv[1:4]
#: Where the server says that its backups go, without the id.
HOME = os.environ["BACKUP_HOME"]


def connect(**options):
    """A client that waits until the server is ready."""
    return weaviate.Client(REST, startup_period=5, **options)


def step(text):
    """Says what has been shown."""
    print(f"ok: {text}", flush=True)


@contextlib.contextmanager
def refused(status, *texts):
    """Expects that the server refuses what follows with this status, in a text that contains all of these."""
    try:
        yield
    except UnexpectedStatusCodeException as error:
        assert error.status_code == status, error
        for text in texts:
            assert text in str(error), f"{text!r} is not in: {error}"
    else:
        raise AssertionError(f"it was not refused with {status} {texts}")


def identity(number):
    """The id of an object."""
    return f"00000000-0000-0000-0000-{number:012}"


def article(number):
    """The properties of an article, each different from the next."""
    return {
        "title": f"Layer {number} \u2013 \u5730\u5c64",
        "words": number * 1000,
        "score": number + 0.25,
        "draft": number % 2 == 0,
        "published": f"2024-02-{number + 1:02}T12:30:00Z",
        "tags": ["rock", f"tag {number}"],
    }


def vector(number):
    """A vector of numbers that 32 bits hold exactly."""
    return [number / 4, -1.0, 0.125]


AUTHOR = {"class": "Author", "properties": [{"name": "name", "dataType": ["text"]}]}
ARTICLE = {
    "class": "Article",
    "vectorizer": "none",
    "properties": [
        {"name": "title", "dataType": ["text"]},
        {"name": "words", "dataType": ["int"]},
        {"name": "score", "dataType": ["number"]},
        {"name": "draft", "dataType": ["boolean"]},
        {"name": "published", "dataType": ["date"]},
        {"name": "tags", "dataType": ["text[]"]},
        {"name": "writtenBy", "dataType": ["Author"]},
    ],
}


def create_library(client, count=25):
    """Two classes, with references from one to the other."""
    client.schema.create({"classes": [AUTHOR, ARTICLE]})
    client.batch.configure(batch_size=10)
    with client.batch as batch:
        for number in range(3):
            batch.add_data_object({"name": f"Author {number}"}, "Author", uuid=identity(100 + number))
        for number in range(count):
            batch.add_data_object(article(number), "Article", uuid=identity(number), vector=vector(number))
    with client.batch as batch:
        for number in range(count):
            batch.add_reference(identity(number), "Article", "writtenBy", identity(100 + number % 3), "Author")


def everything(client, name, **options):
    """All objects of a class, by id."""
    objects, after = {}, None
    while True:
        page = client.data_object.get(class_name=name, with_vector=True, limit=10, after=after, **options)["objects"]
        if not page:
            break
        objects.update((found["id"], found) for found in page)
        after = page[-1]["id"]
    return objects


def count(client, name):
    """How many objects a class has, by the query language."""
    answer = client.query.aggregate(name).with_meta_count().do()
    return answer["data"]["Aggregate"][name][0]["meta"]["count"]
