//! What this server has begun and must end after a crash.
