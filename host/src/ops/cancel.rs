//! The verb `cancel`, of a backup and of a restore.

use crate::error::{Error, ErrorKind, Result};
use crate::journal::Verb;
use crate::model::{BackupId, Location, State};
use crate::ops::context::Context;
use crate::ops::registry::word;
use crate::ops::status::{backup_status, find, restore_status};

/// Cancels. Unknown, failed and cancelled ones are ok; one that succeeded, or is being finished and then succeeds, is
/// `Conflict`.
pub(crate) async fn cancel(
    context: &Context,
    verb: Verb,
    backend: &str,
    id: &str,
    location: &Location,
) -> Result<()> {
    let id = BackupId::new(id)?;
    let name = context.backends.resolve(backend)?;
    let Some(operation) = find(context, verb, &name, id.as_str(), location).filter(|o| !o.has_ended()) else {
        return ended(context, verb, backend, &id, location).await;
    };
    let asked = operation.request_cancel();
    match asked {
        Ok(()) => {
            if verb == Verb::Restore {
                operation.enter(State::Cancelling);
            }
            operation.remember_cancel().await;
            Ok(())
        }
        Err(late) if verb == Verb::Restore => Err(late.with("id", &id)),
        // The terminal write is on its way and short: what comes out of it is the answer.
        Err(_) => {
            operation.wait().await;
            refuse_success(verb, &id, operation.status().state)
        }
    }
}

async fn ended(
    context: &Context,
    verb: Verb,
    backend: &str,
    id: &BackupId,
    location: &Location,
) -> Result<()> {
    let status = match verb {
        Verb::Backup => backup_status(context, backend, id.as_str(), location).await,
        Verb::Restore => restore_status(context, backend, id.as_str(), location).await,
        // Whoever began a copy holds the handle that cancels it; one that has ended needs none.
        Verb::Copy => return Ok(()),
    };
    match status {
        Ok(status) if !status.state.is_terminal() => {
            let text = format!(
                "{} `{id}` is {} and does not run here: cancel it on the server that runs it, which also ends one that was \
                 interrupted",
                word(verb),
                status.state.as_str()
            );
            Err(Error::new(ErrorKind::Conflict, "cancel", text))
        }
        Ok(status) => refuse_success(verb, id, status.state),
        Err(e) if e.is(ErrorKind::NotFound) => Ok(()),
        Err(e) => Err(e),
    }
}

fn refuse_success(verb: Verb, id: &BackupId, state: State) -> Result<()> {
    if state == State::Success {
        let text = format!("{} `{id}` has succeeded already and cannot be cancelled", word(verb));
        return Err(Error::new(ErrorKind::Conflict, "cancel", text));
    }
    Ok(())
}
