//! Attempts to reach files outside of what was granted.

use siltstone::ErrorKind::Denied;

use super::trial::Call::{Head, Put};
use super::trial::Outcome::Fails;
use super::trials;

trials! {
    a_file_that_was_not_granted_is_not_read: ReadFile in Head => Fails(Denied, &["neither a file setting"]);
    dot_dot_does_not_lead_out: ReadDotDot in Head => Fails(Denied, &["refused"]);
    an_absolute_path_does_not_lead_out: ReadAbsolute in Head => Fails(Denied, &["refused"]);
    a_link_does_not_lead_out: ReadThroughLink in Head => Fails(Denied, &["refused"]);
    the_process_is_not_to_be_seen: ReadProc in Head => Fails(Denied, &["refused", "all 7 ways"]);
    what_lies_outside_is_not_even_looked_at: LookOutside in Head => Fails(Denied, &["refused", "all 12 ways"]);
    dot_dot_does_not_write_outside: WriteDotDot in Put => Fails(Denied, &["refused"]);
    a_link_does_not_write_outside: WriteThroughLink in Put => Fails(Denied, &["refused"]);
    a_link_of_its_own_does_not_lead_out: MakeLink in Put => Fails(Denied, &["refused"]);
    a_hard_link_leads_neither_in_nor_out: HardLink in Put => Fails(Denied, &["refused", "all 6 ways"]);
    nothing_is_moved_out_or_in: Rename in Put => Fails(Denied, &["refused", "all 6 ways"]);
    nothing_outside_is_removed: Remove in Put => Fails(Denied, &["refused", "all 5 ways"]);
    a_folder_that_is_granted_for_reading_is_not_written: WriteReadOnly in Put => Fails(Denied, &["refused", "all 13 ways"]);
}
