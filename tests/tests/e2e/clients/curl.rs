//! `curl`, as the README uses it.

super::scenarios!(Curl: errors tour);
