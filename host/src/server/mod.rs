//! The REST API as an axum router.
