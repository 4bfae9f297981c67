//! The commands that look at plugins.

mod inspect;
mod list;

use std::sync::Arc;

use super::args::StateArgs;
use super::state::StateFolder;
use crate::error::Result;
use crate::plugin::{EngineSettings, PluginEngine};

pub(super) use inspect::inspect;
pub(super) use list::list;

/// The runtime of plugins, with the compile cache of the command line.
fn engine(args: &StateArgs) -> Result<Arc<PluginEngine>> {
    let state = StateFolder::open(args.state_dir.as_deref())?;
    PluginEngine::new(EngineSettings { cache_dir: Some(state.compiled()), ..EngineSettings::default() })
}
