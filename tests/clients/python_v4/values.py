"""Values of every type, written in both ways, before a backup and after its restore."""

from support import *

import base64

from weaviate.classes.data import GeoCoordinate

WAIT = {"backend": STORAGE, "wait_for_completion": True}
NOON = datetime(2024, 2, 29, 12, 0, 0, 250000, tzinfo=timezone.utc)
VALUES = {
    "text": (DataType.TEXT, "\u5730\u5c64 \U0001faa8 \"quoted\"\n"),
    "nothing": (DataType.TEXT, ""),
    "texts": (DataType.TEXT_ARRAY, ["a", "", "\u00e9"]),
    "none": (DataType.TEXT_ARRAY, []),
    "int": (DataType.INT, -(2**53) + 1),
    "ints": (DataType.INT_ARRAY, [0, -1, 2**40]),
    "number": (DataType.NUMBER, 0.1),
    "numbers": (DataType.NUMBER_ARRAY, [-1e300, 5e-324, 0.0]),
    "flag": (DataType.BOOL, False),
    "flags": (DataType.BOOL_ARRAY, [True, False]),
    "date": (DataType.DATE, NOON.astimezone(timezone(timedelta(hours=2)))),
    "dates": (DataType.DATE_ARRAY, [NOON, NOON.replace(year=1816)]),
    "uuid": (DataType.UUID, uuid.UUID(int=7)),
    "uuids": (DataType.UUID_ARRAY, [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
    "blob": (DataType.BLOB, base64.b64encode(bytes(range(256))).decode()),
    "place": (DataType.GEO_COORDINATES, GeoCoordinate(latitude=52.5, longitude=-13.25)),
}
PARTS = [
    Property(name="count", data_type=DataType.INT),
    Property(
        name="inner",
        data_type=DataType.OBJECT,
        nested_properties=[
            Property(name="texts", data_type=DataType.TEXT_ARRAY),
            Property(name="date", data_type=DataType.DATE),
            Property(name="uuid", data_type=DataType.UUID),
        ],
    ),
]

with connect() as client:
    properties = [Property(name=name, data_type=kind) for name, (kind, _) in VALUES.items()]
    parts = Property(name="parts", data_type=DataType.OBJECT_ARRAY, nested_properties=PARTS)
    things = client.collections.create("Thing", properties=[*properties, parts])
    values = {name: value for name, (_, value) in VALUES.items()}
    values["parts"] = [{"count": 1, "inner": {"texts": ["x"], "date": NOON, "uuid": uuid.UUID(int=9)}}, {"count": 2}]
    single = things.data.insert(values)
    many = things.data.insert_many([values])
    assert not many.has_errors, many.errors
    identities = [single, many.uuids[0]]

    def check():
        """Every value is what was written; blobs are shown to who asks for them."""
        for identity in identities:
            found = things.query.fetch_object_by_id(identity, return_properties=list(VALUES)).properties
            whole = things.query.fetch_object_by_id(identity).properties
            assert whole["parts"] == values["parts"], whole["parts"]
            wrong = {n: (v, found.get(n)) for n, v in values.items() if n != "parts" and found.get(n) != v}
            assert not wrong, wrong

    check()
    step("values of every type are read as they were written")
    client.backup.create(backup_id="values", **WAIT)
    client.collections.delete("Thing")
    client.backup.restore(backup_id="values", **WAIT)
    check()
    step("they are the same after a restore")
