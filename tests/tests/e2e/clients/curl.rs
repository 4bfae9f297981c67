//! `curl`, as the README uses it.

super::scenarios!(Curl: access errors tour);
