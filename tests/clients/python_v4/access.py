"""API keys: who may do what, and users that a restore brings back."""

from support import *

from weaviate.backup.backup import BackupStatus
from weaviate.classes.init import Auth
from weaviate.exceptions import InsufficientPermissionsError, WeaviateBaseError
from weaviate.rbac.models import UserTypes

ADMIN, READER = os.environ["ADMIN_KEY"], os.environ["READER_KEY"]
WAIT = {"backend": STORAGE, "wait_for_completion": True}


def forbidden(call, *args, **kwargs):
    """Expects that the caller may not do that."""
    try:
        call(*args, **kwargs)
    except InsufficientPermissionsError as error:
        assert "403" in str(error) or "PERMISSION_DENIED" in str(error) or "forbidden" in str(error).lower(), error
    else:
        raise AssertionError(f"{call} was allowed")


def stranger(**options):
    """Expects that nobody gets in like this."""
    try:
        with connect(**options) as client:
            client.backup.list_backups(backend=STORAGE)
    except WeaviateBaseError as error:
        assert "401" in str(error), error
    else:
        raise AssertionError("a stranger was let in")


stranger()
stranger(auth_credentials=Auth.api_key("guessed"))
stranger(skip_init_checks=True)
step("without a key, or with a wrong one, nobody gets in")

with connect(auth_credentials=Auth.api_key(ADMIN)) as admin, connect(auth_credentials=Auth.api_key(READER)) as reader:
    articles = create_articles(admin)
    before = everything(articles)
    assert admin.users.get_my_user().user_id == "admin" and reader.users.get_my_user().user_id == "reader"
    assert everything(reader.collections.use("Article")) == before
    forbidden(reader.collections.create, "Other")
    forbidden(reader.collections.delete, "Article")
    forbidden(reader.collections.use("Article").data.insert, article(50))
    forbidden(reader.collections.use("Article").data.insert_many, [article(50)])
    assert len(articles) == len(before)
    step("a reader reads, and writes nothing")

    forbidden(reader.backup.create, backup_id="mine", backend=STORAGE)
    forbidden(reader.backup.cancel, backup_id="mine", backend=STORAGE)
    forbidden(reader.backup.restore, backup_id="mine", backend=STORAGE)
    forbidden(reader.users.db.create, user_id="mallory")
    assert reader.backup.list_backups(backend=STORAGE) == []
    step("a reader may see backups, and make none")

    def added():
        """The users that are in the database, and not those that the configuration names."""
        users = admin.users.db.list_all()
        assert {u.user_id for u in users if u.user_type == UserTypes.DB_STATIC} <= {"admin", "reader"}, users
        return sorted(u.user_id for u in users if u.user_type == UserTypes.DB_DYNAMIC)

    key = admin.users.db.create(user_id="dora")
    other = admin.users.db.create(user_id="erik")
    assert added() == ["dora", "erik"]
    assert admin.users.db.get(user_id="dora").active
    with connect(auth_credentials=Auth.api_key(key)) as dora:
        assert dora.users.get_my_user().user_id == "dora"
        assert len(dora.collections.use("Article")) == len(before)
        result = dora.backup.create(backup_id="with-users", **WAIT)
        assert result.status == BackupStatus.SUCCESS, result
    step("a user that was added makes a backup")

    assert admin.users.db.delete(user_id="dora")
    assert admin.users.db.get(user_id="dora") is None
    stranger(auth_credentials=Auth.api_key(key))
    changed = admin.users.db.rotate_key(user_id="erik")
    stranger(auth_credentials=Auth.api_key(other))
    admin.users.db.create(user_id="late")
    admin.collections.delete("Article")
    admin.backup.restore(backup_id="with-users", users_restore="noRestore", roles_restore="noRestore", **WAIT)
    assert everything(articles) == before
    assert added() == ["erik", "late"]
    step("a restore leaves users alone unless it is told to bring them")

    admin.collections.delete("Article")
    admin.backup.restore(backup_id="with-users", users_restore="all", **WAIT)
    assert added() == ["dora", "erik"]
    with connect(auth_credentials=Auth.api_key(key)) as dora:
        assert everything(dora.collections.use("Article")) == before
    stranger(auth_credentials=Auth.api_key(changed))
    step("users come back with their keys, and those who were not there then are gone")

    assert admin.users.db.deactivate(user_id="dora")
    stranger(auth_credentials=Auth.api_key(key))
    assert admin.users.db.activate(user_id="dora")
    with connect(auth_credentials=Auth.api_key(key)) as dora:
        assert dora.is_ready()
    step("a user is deactivated and activated")
